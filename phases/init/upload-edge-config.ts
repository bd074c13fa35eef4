import type { Phase } from '../../src/workflow/phase.ts';
import { planObjects } from './apply-objects.ts';
import type { InitContext } from './context.ts';
import { requiresCluster } from './requires-cluster.ts';

/** Stores the cluster-wide settings of edgeadm for nodes that join, as kubeadm's upload-config does with kubeadm's. */
export const uploadEdgeConfigPhase: Phase<InitContext> = {
  name: 'upload-edge-config',
  short: 'Store the EdgeConfiguration in the ConfigMap kube-system/edgeadm-config',
  requires: requiresCluster,
  async run(ctx, run) {
    const [{ renderClusterEdge }, { loadManifests }] = await Promise.all([
      import('../../src/config/cluster-edge.ts'),
      import('../../src/kube/manifests.ts'),
    ]);
    const objects = await loadManifests('edge/edgeadm-config', {
      values: { edgeConfiguration: renderClusterEdge(ctx.edge) },
      ...(ctx.manifestsDir && { manifestsDir: ctx.manifestsDir }),
    });
    if (ctx.host.dryRun) {
      planObjects(ctx, objects);
      return true;
    }
    return (await ctx.kube()).apply(objects, { signal: run.signal });
  },
};
