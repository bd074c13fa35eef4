import { hasLocalApi } from '../../src/config/edge-node.ts';
import type { Phase } from '../../src/workflow/phase.ts';
import { apiServerEndpoint } from '../node/api-server.ts';
import { applyObjects } from './apply-objects.ts';
import type { InitContext } from './context.ts';
import { requiresCluster } from './requires-cluster.ts';

/** Installs the pod network. `cni.name: none` in an EdgeConfiguration leaves it to the user. */
export const cniPhase: Phase<InitContext> = {
  name: 'cni',
  aliases: ['cni/flannel'],
  short: 'Install the pod network (flannel)',
  example: 'edgeadm init phase cni --pod-network-cidr 10.244.0.0/16',
  skip: (ctx) => (ctx.edge.cni.name === 'none' ? 'cni.name is none: bring your own' : undefined),
  requires: requiresCluster,
  async run(ctx, run) {
    const { edgeFlannel, flannelObjects } = await import('../../src/kube/flannel.ts');
    const apiServer = await apiServerEndpoint(ctx);
    const localApi = hasLocalApi(ctx.edge);
    const objects = await flannelObjects({
      podSubnet: ctx.settings.podSubnet,
      ...ctx.edge.cni.flannel,
      ...(apiServer && { apiServer }),
      ...(localApi && { localApiAddress: ctx.edge.virtualAddress }),
      ...(ctx.manifestsDir ? { manifestsDir: ctx.manifestsDir } : {}),
    });
    // Of a run with the node-local API proxy, which is switched off by now.
    const gone = !localApi && !ctx.host.dryRun && (await (await ctx.kube()).delete(edgeFlannel));
    return (await applyObjects(ctx, run, 'flannel', objects)) || gone;
  },
};
