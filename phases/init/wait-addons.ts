import type { KubeClient, KubeObject, ObjectRef } from '../../src/kube/types.ts';
import type { Phase } from '../../src/workflow/phase.ts';
import type { InitContext } from './context.ts';
import { requiresCluster } from './requires-cluster.ts';

type Managed = KubeObject & { metadata: { managedFields?: { manager: string }[] } };

/** Waits for the network and all addons at once: each takes seconds to start, most of them in waiting. */
export const waitAddonsPhase: Phase<InitContext> = {
  name: 'wait-addons',
  short: 'Wait until the network and the addons run',
  example: 'edgeadm init phase wait-addons',
  requires: requiresCluster,
  async run(ctx, run) {
    if (ctx.host.dryRun) return false;
    const kube = await ctx.kube();
    const refs = ctx.rollouts ?? (await ownWorkloads(kube));
    run.progress(`wait for ${refs.map(({ name }) => name).join(', ')}`);
    await kube.waitRollout(refs, { timeoutMs: 300_000, signal: run.signal, emit: ctx.emit });
    return false;
  },
};

/** What this or an earlier run applied. */
async function ownWorkloads(kube: KubeClient): Promise<ObjectRef[]> {
  const { fieldManager } = await import('../../src/kube/apply.ts');
  const found = await Promise.all(
    ['DaemonSet', 'Deployment'].map(async (kind) => {
      const objects = await kube.list<Managed>('apps/v1', kind);
      const own = objects.filter(({ metadata }) =>
        metadata.managedFields?.some(({ manager }) => manager === fieldManager),
      );
      return own.map(({ metadata: { name, namespace } }) => ({
        apiVersion: 'apps/v1',
        ...{ kind, name, ...(namespace !== undefined && { namespace }) },
      }));
    }),
  );
  return found.flat();
}
