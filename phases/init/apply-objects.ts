import type { KubeDocument } from '../../src/config/types.ts';
import type { KubeClient, ObjectRef } from '../../src/kube/types.ts';
import type { PhaseRun } from '../../src/workflow/phase.ts';
import type { InitContext } from './context.ts';

interface ApplyOptions {
  timeoutMs?: number;
  /** What else the workloads need; returns whether it changed anything. Not called in a dry run. */
  beforeWait?: (kube: KubeClient) => Promise<boolean>;
}

/**
 * Applies the objects of the network or an addon (`name`), and sees to it that their workloads are rolled out: at once
 * when a phase runs alone; in a whole run with all others at its end (`wait-addons`), as each takes its time to start.
 * Returns whether anything changed. Errors: E_KUBE_API, E_ROLLOUT.
 */
export async function applyObjects(
  ctx: InitContext,
  run: PhaseRun,
  name: string,
  objects: readonly KubeDocument[],
  { timeoutMs = 180_000, beforeWait }: ApplyOptions = {},
): Promise<boolean> {
  if (ctx.host.dryRun) {
    planObjects(ctx, objects);
    return true;
  }
  const kube = await ctx.kube();
  run.progress(`apply ${name}`);
  let changed = await kube.apply(objects, { signal: run.signal });
  if (beforeWait) changed = (await beforeWait(kube)) || changed;
  const workloads = objects.filter(({ kind }) => kind === 'DaemonSet' || kind === 'Deployment').map(refOf);
  if (ctx.rollouts) {
    ctx.rollouts.push(...workloads);
    return changed;
  }
  run.progress(`wait for ${name}`);
  await kube.waitRollout(workloads, { timeoutMs, signal: run.signal, emit: ctx.emit });
  return changed;
}

/** What a dry run says of objects instead of applying them. */
export function planObjects({ emit }: Pick<InitContext, 'emit'>, objects: readonly KubeDocument[]): void {
  for (const object of objects) {
    emit({
      type: 'change',
      host: 'cluster',
      action: 'apply',
      target: `${object.kind}/${refOf(object).name}`,
      summary: 'server-side apply as edgeadm',
      planned: true,
    });
  }
}

function refOf({ apiVersion, kind, metadata }: KubeDocument): ObjectRef {
  const { name, namespace } = metadata as { name: string; namespace?: string };
  return { apiVersion, kind, name, ...(namespace !== undefined && { namespace }) };
}
