import { applyVariant, withoutLocalApi } from './edge-variant.ts';
import type { Addon } from './index.ts';

/** Edge nodes run a kube-proxy that starts while they are offline; kubeadm's stays for all others. */
export const edgeKubeProxy: Addon = {
  name: 'edge-kube-proxy',
  short: "Install the edge nodes' kube-proxy, which works while they are offline",
  example: 'edgeadm init phase edge-addons edge-kube-proxy',
  edgeOnly: true,
  skip: ({ edge }) => withoutLocalApi(edge),
  async run(ctx, run) {
    const { edgeKubeProxyObjects } = await import('../../src/kube/edge-variants.ts');
    const variant = await edgeKubeProxyObjects(ctx.host.dryRun ? undefined : await ctx.kube(), {
      virtualAddress: ctx.edge.virtualAddress,
      ...(ctx.manifestsDir && { manifestsDir: ctx.manifestsDir }),
    });
    if (!variant) {
      const message = "the cluster has no kube-proxy of kubeadm's, so edge nodes get none either";
      ctx.emit({ type: 'warning', message });
      return false;
    }
    return applyVariant(ctx, run, 'kube-proxy-edge', variant);
  },
};
