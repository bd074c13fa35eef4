import { join } from 'node:path';
import { paths } from '../../src/host/paths.ts';
import type { Phase, PhaseRun } from '../../src/workflow/phase.ts';
import { liteApiserverUnit } from '../node/lite-apiserver.ts';
import type { OfflineVerdict } from '../offline/index.ts';
import type { JoinContext } from './context.ts';
import { notAnEdgeNode } from './edge-node.ts';

/** For all of it; a node that just joined reads for some seconds. */
const limitMs = 5000;
/** For one look among them. */
const lookMs = 4000;
const pauseMs = 500;

/** Says how long the node lives without the cloud. Never fails, and takes five seconds at most. */
export const offlineVerdictPhase: Phase<JoinContext> = {
  name: 'offline-verdict',
  short: 'Say how long this edge node lives without the cloud',
  example: 'edgeadm join phase offline-verdict',
  skip: (ctx) => {
    if (ctx.role !== 'edge') return notAnEdgeNode;
    return ctx.host.dryRun ? 'nothing to look at in a dry run' : undefined;
  },
  async run(ctx, run) {
    if (!(await ctx.host.stat(join(paths.units, liteApiserverUnit)))) return false;
    try {
      const { headline } = await import('../offline/text.ts');
      const verdict = await look(ctx, run);
      if (!verdict) return false;
      ctx.result.offline = verdict;
      const later = 'It has only just joined: look again in a minute with `edgeadm check offline`.';
      ctx.emit({
        type: 'message',
        text: verdict.survives ? headline(verdict) : `${headline(verdict)}\n${later}`,
      });
    } catch (error) {
      run.signal.throwIfAborted();
      ctx.emit({
        type: 'warning',
        message: `how long this node lives without the cloud could not be found: ${(error as Error).message}`,
        hint: 'Look later: `edgeadm check offline`.',
      });
    }
    return false;
  },
};

/** The first verdict without an error, else the last one within the limit. */
async function look(ctx: JoinContext, run: PhaseRun): Promise<OfflineVerdict | undefined> {
  const [{ checkOffline }, { setTimeout }] = await Promise.all([
    import('../offline/index.ts'),
    import('node:timers/promises'),
  ]);
  const limit = AbortSignal.timeout(limitMs);
  const signal = AbortSignal.any([run.signal, limit]);
  let last: OfflineVerdict | undefined;
  while (!signal.aborted) {
    try {
      last = await Promise.race([checkOffline(ctx.host, { signal, limitMs: lookMs }), rejectOn(signal)]);
      if (last.survives) break;
      await setTimeout(pauseMs, undefined, { signal });
    } catch (error) {
      run.signal.throwIfAborted();
      if (!limit.aborted) throw error;
    }
  }
  run.signal.throwIfAborted();
  return last;
}

/** Not every look takes a signal; an abandoned one ends by itself. */
function rejectOn(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
