import type { Phase } from '../../workflow/phase.ts';
import { type CreateContext, set } from './context.ts';
import { startJoins } from './joins.ts';

export const joinPhase: Phase<CreateContext> = {
  name: 'join',
  short: 'Run `edgeadm join` on the other nodes',
  skip(ctx) {
    if (ctx.options.bare) return 'the nodes stay bare';
    const { controlPlanes, workers, edges } = ctx.options;
    return controlPlanes + workers + edges === 1 ? 'there is only one node' : undefined;
  },
  async run(ctx, run) {
    ctx.joins ??= startJoins(ctx, set(ctx.join, 'how to join'), run.signal);
    const { joins } = ctx;
    const report = (): void => {
      const step = [...joins.steps].map(([node, at]) => `${node} ${at}`).join(', ');
      run.progress(step || 'join', { done: joins.joined(), total: joins.total, unit: 'items' });
    };
    joins.onStep = report;
    report();
    const results = await joins.done;
    run.signal.throwIfAborted();
    const [first, ...failures] = results.filter((result) => result.status === 'rejected');
    for (const { reason } of failures) {
      run.emit({ type: 'warning', message: reason instanceof Error ? reason.message : String(reason) });
    }
    if (first) throw first.reason;
    return results.some((result) => result.status === 'fulfilled' && result.value);
  },
};
