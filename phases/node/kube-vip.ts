import { join } from 'node:path';
import { paths } from '../../src/host/paths.ts';
import type { Phase } from '../../src/workflow/phase.ts';
import type { NodeContext } from '../context.ts';

/** The VIP that kube-vip shall carry: a control-plane endpoint that is an IP address which this host does not have. */
export async function virtualIp(ctx: NodeContext): Promise<string | undefined> {
  if (ctx.edge.ha.provider !== 'kube-vip' || !ctx.controlPlaneEndpoint) return undefined;
  const endpoint = ctx.controlPlaneEndpoint;
  const { isIP } = await import('node:net');
  const host =
    /^\[(.+)\](:\d+)?$/.exec(endpoint)?.[1] ??
    (isIP(endpoint) === 6 ? endpoint : endpoint.replace(/:\d+$/, ''));
  if (!isIP(host)) return undefined;
  const carried = (await ctx.host.stat(staticPod)) !== undefined;
  return carried || !(await isLocal(ctx, host)) ? host : undefined;
}

const staticPod = join(paths.manifests, 'kube-vip.yaml');

async function isLocal(ctx: NodeContext, address: string): Promise<boolean> {
  const { stdout } = await ctx.host.query({ file: 'ip', args: ['-j', 'address', 'show'] });
  const links = JSON.parse(stdout) as { addr_info?: { local?: string }[] }[];
  return links.some(({ addr_info = [] }) => addr_info.some(({ local }) => local === address));
}

/** Writes kube-vip's static Pod: the first node's before kubeadm init, the others' before they join. */
export const kubeVipPhase: Phase<NodeContext> = {
  name: 'kube-vip',
  short: 'Write the static Pod of kube-vip when the control-plane endpoint is a virtual IP',
  example: 'edgeadm init phase kube-vip --control-plane-endpoint 10.0.0.100',
  skip: (ctx) => {
    if (ctx.role !== 'control-plane') return 'not a control-plane node';
    if (ctx.edge.ha.provider !== 'kube-vip') return 'no --default-ha';
    return ctx.controlPlaneEndpoint ? undefined : 'no --control-plane-endpoint';
  },
  async run(ctx) {
    const vip = await virtualIp(ctx);
    if (!vip) return false;
    const link = ctx.edge.ha.interface || (await linkTowards(ctx, vip));
    const image = (await ctx.package.images()).find(({ name }) => name.includes('/kube-vip:'))?.name;
    const { loadManifests } = await import('../../src/kube/manifests.ts');
    const { kubeVipPod } = await import('./kube-vip-pod.ts');
    const [template] = await loadManifests('ha/kube-vip', {
      ...(ctx.manifestsDir ? { manifestsDir: ctx.manifestsDir } : {}),
    });
    // Until kubeadm init has bound it, admin.conf has no rights (since Kubernetes 1.29).
    const kubeconfig = ctx.command === 'init' ? join(paths.kubernetes, 'super-admin.conf') : paths.adminConf;
    const port = Number(/:(\d+)$/.exec(ctx.controlPlaneEndpoint?.replace(/^.*\]/, '') ?? '')?.[1] ?? 6443);
    const pod = kubeVipPod(template!, { vip, link, image, kubeconfig, port });
    const { renderDocuments } = await import('../../src/config/documents.ts');
    await ctx.host.claimTree(paths.kubernetes, { content: true });
    return ctx.host.writeFile(staticPod, renderDocuments([pod]), { mode: 0o600 });
  },
};

/** The link whose network holds an address, as the kernel would choose it. */
async function linkTowards(ctx: NodeContext, address: string): Promise<string> {
  const { stdout } = await ctx.host.query({ file: 'ip', args: ['-j', 'route', 'get', address] });
  const [route] = JSON.parse(stdout) as { dev?: string }[];
  if (!route?.dev || route.dev === 'lo') {
    const local = await ctx.host.query({ file: 'ip', args: ['-j', 'route', 'show', 'default'] });
    return (JSON.parse(local.stdout) as { dev: string }[])[0]?.dev ?? 'eth0';
  }
  return route.dev;
}
