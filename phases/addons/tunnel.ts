import { tunnel } from '../../src/config/tunnel.ts';
import type { KubeDocument } from '../../src/config/types.ts';
import type { KubeClient } from '../../src/kube/types.ts';
import { applyObjects } from '../init/apply-objects.ts';
import type { InitContext } from '../init/context.ts';
import { apiServerEndpoint } from '../node/api-server.ts';
import { localImageName } from '../node/image-name.ts';
import { kubeVipManifest } from '../node/kube-vip.ts';
import { withoutServer } from '../node/tunnel-server.ts';
import type { Addon } from './index.ts';

/**
 * The agents' end of the tunnel and the rights of both ends; the servers are static Pods (phase tunnel-server). Agents on
 * edge nodes start when such nodes join.
 */
export const tunnelAddon: Addon = {
  name: 'tunnel',
  short: 'Install the tunnel by which the API server reaches edge nodes',
  example: 'edgeadm init phase edge-addons tunnel',
  edgeOnly: true,
  async run(ctx, run) {
    const without = await withoutServer(ctx.host);
    if (without) {
      // Agents would wait for a server for ever.
      run.progress(without);
      return false;
    }
    const virtual = await virtualAddress(ctx);
    const objects = await tunnelObjects(ctx, virtual !== undefined);
    return applyObjects(ctx, run, 'the tunnel', objects, {
      timeoutMs: 120_000,
      ...(virtual && { beforeWait: (kube) => setAddress(kube, virtual, run.signal) }),
    });
  },
};

interface PodTemplate {
  template: { spec: { containers: { image: string }[] } };
}

/** The addon's objects, in the order to apply. */
async function tunnelObjects(ctx: InitContext, virtual: boolean): Promise<KubeDocument[]> {
  const { loadManifests } = await import('../../src/kube/manifests.ts');
  const { hostname, port } = await hostAndPort(ctx);
  const options = {
    ...(ctx.manifestsDir && { manifestsDir: ctx.manifestsDir }),
    values: { host: hostname, apiPort: port },
  };
  const objects = await loadManifests('addons/tunnel/konnectivity-agent', options);
  for (const { kind, spec } of objects) {
    if (kind !== 'DaemonSet') continue;
    for (const container of (spec as PodTemplate).template.spec.containers)
      container.image = localImageName(ctx, container.image);
  }
  const service = virtual ? await loadManifests('addons/tunnel/control-plane-service', options) : [];
  return [...objects, ...service];
}

/** Host and port of the API server for nodes. */
async function hostAndPort(ctx: InitContext): Promise<{ hostname: string; port: string }> {
  const endpoint = await apiServerEndpoint(ctx);
  if (endpoint === undefined) return { hostname: ctx.controlPlaneEndpoint ?? '', port: '6443' };
  const { hostname, port } = new URL(`https://${endpoint}`);
  return { hostname: hostname.replace(/^\[|\]$/g, ''), port: port || '443' };
}

/**
 * The virtual IP, when kube-vip carries it. Not with kube-proxy's mode ipvs, which would put the address on every node and
 * so take the API server's away.
 */
async function virtualAddress(ctx: InitContext): Promise<string | undefined> {
  if (!(await ctx.host.stat(kubeVipManifest))) return undefined;
  const proxy = ctx.settings.documents.find(({ kind }) => kind === 'KubeProxyConfiguration');
  if (proxy?.mode === 'ipvs') {
    ctx.emit({
      type: 'warning',
      message:
        "agents of the tunnel reach only the server that has the virtual IP: kube-proxy's mode is ipvs",
      hint: 'Use the mode nftables or iptables, or a load balancer for the ports 6443 and 8132.',
    });
    return undefined;
  }
  return (await hostAndPort(ctx)).hostname;
}

interface ServiceStatus {
  loadBalancer?: { ingress?: { ip?: string }[] };
}

/** Says that the Service has the virtual IP, which kube-proxy then serves. */
async function setAddress(kube: KubeClient, ip: string, signal: AbortSignal): Promise<boolean> {
  const ref = { apiVersion: 'v1', kind: 'Service', namespace: 'kube-system', name: 'konnectivity-server' };
  const service = await kube.get(ref);
  if ((service?.status as ServiceStatus | undefined)?.loadBalancer?.ingress?.[0]?.ip === ip) return false;
  const ports = [{ port: tunnel.agentPort, protocol: 'TCP' }];
  await kube.request(
    'PATCH',
    '/api/v1/namespaces/kube-system/services/konnectivity-server/status',
    { status: { loadBalancer: { ingress: [{ ip, ipMode: 'VIP', ports }] } } },
    { contentType: 'application/merge-patch+json', signal },
  );
  return true;
}
