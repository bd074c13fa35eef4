import type { Phase } from '../../src/workflow/phase.ts';
import type { ResetContext } from './context.ts';

/** Undoes the journal, the newest change first, and removes edgeadm's own state. */
export const restorePhase: Phase<ResetContext> = {
  name: 'restore',
  short: 'Undo every journaled change and restore what was there before',
  async run(ctx, run) {
    const { host } = ctx;
    const { undone, warnings } = await host.undoAll({ signal: run.signal });
    for (const message of warnings) ctx.emit({ type: 'warning', message });
    ctx.result.undone = undone;
    ctx.result.warnings = warnings;
    if (!host.dryRun) await host.forget();
    return undone > 0;
  },
};
