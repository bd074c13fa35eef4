import type { Phase } from '../../src/workflow/phase.ts';
import type { InitContext } from './context.ts';
import { requiresCluster } from './requires-cluster.ts';

/** SuperEdge's label for nodes of the cloud side. */
export const cloudLabel = { 'superedge.io/node-cloud': 'enable' } as const;

/** Marks the control-plane node as a cloud node, so that edge variants of DaemonSets leave it out. */
export const labelNodePhase: Phase<InitContext> = {
  name: 'label-node',
  short: 'Label the node as a cloud node',
  skip: (ctx) => (ctx.edge.enabled ? undefined : '--enable-edge=false'),
  requires: requiresCluster,
  async run(ctx) {
    if (ctx.host.dryRun) return true;
    const kube = await ctx.kube();
    const ref = { apiVersion: 'v1', kind: 'Node', name: ctx.nodeName };
    const node = await kube.get(ref);
    const missing = Object.entries(cloudLabel).some(([key, value]) => node?.metadata.labels?.[key] !== value);
    if (missing) await kube.mergePatch(ref, { metadata: { labels: cloudLabel } });
    return missing;
  },
};
