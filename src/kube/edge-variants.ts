import { createHash } from 'node:crypto';
import { localApiPort } from '../config/edge-node.ts';
import type { KubeDocument } from '../config/types.ts';
import { keptOffEdgeNodes } from './edge-placement.ts';
import { loadManifests } from './manifests.ts';
import type { KubeClient, KubeObject, ObjectRef } from './types.ts';

interface VariantSettings {
  /** Address of the node's own API proxy on every edge node. */
  virtualAddress: string;
  manifestsDir?: string;
}

/** What to apply: the variant of edge nodes, and the change that keeps kubeadm's own off them (nothing without kubeadm's own). */
export interface EdgeVariant {
  objects: KubeDocument[];
  standard: KubeDocument[];
}

export interface DnsSettings extends VariantSettings {
  /** `cluster.local` */
  dnsDomain: string;
}

const kubeProxy: ObjectRef = {
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  namespace: 'kube-system',
  name: 'kube-proxy',
};
const coreDns: ObjectRef = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  namespace: 'kube-system',
  name: 'coredns',
};

type Workload = KubeObject & {
  spec: { template: { spec: { containers: { image: string }[] } } };
};
type ConfigMap = KubeObject & { data?: Record<string, string> };

const imageOf = (workload: Workload) => workload.spec.template.spec.containers[0]!.image;

/**
 * kube-proxy of edge nodes, and kubeadm's kube-proxy without them. Image and KubeProxyConfiguration are those of kubeadm's.
 * Undefined in a cluster without kubeadm's kube-proxy; without a cluster (a dry run) just what would be there.
 * Errors: loadManifests' and KubeClient's.
 */
export async function edgeKubeProxyObjects(
  kube: KubeClient | undefined,
  { virtualAddress, manifestsDir }: VariantSettings,
): Promise<EdgeVariant | undefined> {
  const name = 'addons/edge-kube-proxy/edge-kube-proxy';
  const options = manifestsDir ? { manifestsDir } : {};
  if (!kube) return { objects: await loadManifests(name, options), standard: [] };
  const standard = await kube.get<Workload>(kubeProxy);
  const config = await kube.get<ConfigMap>({ ...kubeProxy, apiVersion: 'v1', kind: 'ConfigMap' });
  const kubeProxyConfiguration = config?.data?.['config.conf'];
  if (!standard || kubeProxyConfiguration === undefined) return undefined;
  const values = {
    image: imageOf(standard),
    kubeProxyConfiguration,
    localApi: `https://${virtualAddress}:${localApiPort}`,
  };
  const configurationHash = createHash('sha256').update(JSON.stringify(values)).digest('hex').slice(0, 16);
  const objects = await loadManifests(name, { ...options, values: { ...values, configurationHash } });
  return { objects, standard: [keptOffEdgeNodes(standard, kubeProxy)] };
}

/**
 * CoreDNS of edge nodes, and kubeadm's CoreDNS without them, whose image is used; `packagedImage` in a cluster without it.
 * Without a cluster (a dry run) just what would be there. Errors: loadManifests' and KubeClient's.
 */
export async function edgeDnsObjects(
  kube: KubeClient | undefined,
  { virtualAddress, dnsDomain, manifestsDir }: DnsSettings,
  packagedImage: () => Promise<string | undefined>,
): Promise<EdgeVariant> {
  const standard = await kube?.get<Workload>(coreDns);
  const service = await kube?.get<KubeObject & { spec?: { clusterIP?: string } }>({
    apiVersion: 'v1',
    kind: 'Service',
    namespace: 'kube-system',
    name: 'kube-dns',
  });
  const image = standard ? imageOf(standard) : kube && (await packagedImage());
  const objects = await loadManifests('addons/edge-dns/edge-dns', {
    values: {
      ...(image !== undefined && { image }),
      virtualAddress,
      dnsDomain,
      localApiPort: String(localApiPort),
      // Without a DNS of the cluster: a port where nothing answers, as the list must not be empty.
      clusterDns: service?.spec?.clusterIP ?? '127.0.0.1:9',
    },
    ...(manifestsDir && { manifestsDir }),
  });
  return { objects, standard: standard ? [keptOffEdgeNodes(standard, coreDns)] : [] };
}
