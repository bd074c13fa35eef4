import { join } from 'node:path';
import type { KubeDocument } from '../../src/config/types.ts';
import { paths } from '../../src/host/paths.ts';
import type { NodeContext } from '../context.ts';
import { claimKubernetes } from './claims.ts';

/** kube-vip's static Pod. */
export const kubeVipManifest = join(paths.manifests, 'kube-vip.yaml');

/**
 * What kube-vip reads its credentials from: a link, so that they can be changed under a running kube-vip, which reads
 * them once and would let go of the virtual IP if its Pod were made anew.
 */
export const kubeVipConf = join(paths.kubernetes, 'kube-vip.conf');

/** What a cluster's kube-vips elect their leader by (`vip_leasename` of manifests/ha/kube-vip.yaml). */
export const kubeVipLease = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  namespace: 'kube-system',
  name: 'plndr-cp-lock',
} as const;

export interface KubeVipValues {
  address: string;
  /** Link that shall carry the address. */
  link: string;
  /** Port of this node's own API server, which kube-vip talks to. */
  port: number;
}

/** Writes kube-vip's static Pod. Nothing else of a Pod's settings is the node's: all nodes of a cluster have the same. */
export async function writeKubeVip(ctx: NodeContext, values: KubeVipValues): Promise<boolean> {
  const { loadManifests } = await import('../../src/kube/manifests.ts');
  const { renderDocuments } = await import('../../src/config/documents.ts');
  const [template] = await loadManifests('ha/kube-vip', {
    ...(ctx.manifestsDir ? { manifestsDir: ctx.manifestsDir } : {}),
  });
  const image = (await ctx.package.images()).find(({ name }) => name.includes('/kube-vip:'))?.name;
  const pod = kubeVipPod(template!, { ...values, image });
  await claimKubernetes(ctx);
  // A kube-vip that is killed leaves its address behind.
  await ctx.host.claimNetwork({ addresses: [values.address] });
  return ctx.host.writeFile(kubeVipManifest, renderDocuments([pod]), { mode: 0o600 });
}

interface PodSpec {
  containers: { image: string; env: { name: string; value?: string }[] }[];
}

/** Fills the Pod of manifests/ha/kube-vip.yaml. `image` undefined keeps the manifest's. */
export function kubeVipPod(
  template: KubeDocument,
  { address, link, port, image }: KubeVipValues & { image: string | undefined },
): KubeDocument {
  const pod = structuredClone(template);
  const container = (pod.spec as PodSpec).containers[0]!;
  if (image) container.image = image;
  const set = (name: string, value: string) => {
    const found = container.env.find((entry) => entry.name === name);
    if (found) found.value = value;
    else container.env.push({ name, value });
  };
  set('address', address);
  set('vip_interface', link);
  set('vip_subnet', address.includes(':') ? '128' : '32');
  set('port', String(port));
  return pod;
}
