import { EdgeadmError, toEdgeadmError } from '../errors.ts';
import type { Emit } from './events.ts';
import type { PhaseRun } from './phase.ts';
import type { FlatPhase } from './select.ts';

export interface RunOptions {
  /** Shown with the run: `init`, `join phase preflight`. */
  command: string;
  emit: Emit;
  signal: AbortSignal;
  /** Milliseconds since some start; injected by tests. */
  now?: () => number;
}

export interface RunSummary {
  ran: { name: string; seconds: number; changed: boolean }[];
  skipped: string[];
}

/**
 * Runs selected phases one after another and emits what happens. A phase whose `requires` is unmet ends the run with
 * E_PHASE_STATE before it did anything; a skipped phase takes its children with it. The first failure ends the run:
 * its error is thrown on after `phase-fail` was emitted.
 */
export async function runPhases<C>(
  selected: readonly FlatPhase<C>[],
  ctx: C,
  { command, emit, signal, now = () => performance.now() }: RunOptions,
): Promise<RunSummary> {
  const summary: RunSummary = { ran: [], skipped: [] };
  emit({
    type: 'run-start',
    command,
    phases: selected.map(({ name, phase }) => ({ name, short: phase.short })),
  });
  for (const { name, phase } of selected) {
    if (summary.skipped.some((skipped) => name.startsWith(`${skipped}/`))) continue;
    signal.throwIfAborted();
    const reason = phase.skip?.(ctx);
    if (reason !== undefined) {
      summary.skipped.push(name);
      emit({ type: 'phase-skip', phase: name, reason });
      continue;
    }
    if (!phase.run) continue;
    const started = now();
    emit({ type: 'phase-start', phase: name, short: phase.short });
    const run: PhaseRun = {
      signal,
      emit,
      progress: (step, amount) => emit({ type: 'progress', phase: name, step, ...amount }),
    };
    try {
      const unmet = await phase.requires?.(ctx);
      if (unmet) {
        throw new EdgeadmError('E_PHASE_STATE', `phase "${name}" cannot run: ${unmet.reason}`, {
          hint: unmet.hint,
        });
      }
      const changed = await phase.run(ctx, run);
      const seconds = (now() - started) / 1000;
      summary.ran.push({ name, seconds, changed });
      emit({ type: 'phase-done', phase: name, seconds, changed });
    } catch (thrown) {
      const error = toEdgeadmError(thrown);
      emit({
        type: 'phase-fail',
        phase: name,
        seconds: (now() - started) / 1000,
        code: error.code,
        message: error.message,
      });
      throw error;
    }
  }
  return summary;
}
