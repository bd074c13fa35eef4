import { EdgeadmError } from '../../src/errors.ts';
import type { Emit } from '../../src/workflow/events.ts';
import type { DrillMachine } from './machine.ts';
import {
  type DrillReport,
  type DrillState,
  readReport,
  readState,
  writeReport,
  writeState,
} from './state.ts';
import { installUnits, isRunning, isShuttingDown, removeDrill, startDrill, stopDrill } from './units.ts';

const everyMs = 500;
/** After the link is back at the latest, for the node to be Ready. */
const spareMs = 600_000;

/** Writes down what is to be done and hands it to systemd. Takes everything back when that fails. */
export async function beginDrill(machine: DrillMachine, state: DrillState): Promise<void> {
  try {
    await writeState(machine, state);
    await installUnits(machine, {
      restart: state.restart,
      seconds: (state.restoreBy - machine.now()) / 1000,
    });
    await startDrill(machine);
  } catch (error) {
    await removeDrill(machine).catch(() => {});
    throw error;
  }
}

/** Files of the drill, wherever the node is. */
export type DrillFiles = Pick<DrillMachine, 'read' | 'now' | 'pause'>;

/**
 * Waits for the report, telling what happens. `onState` may act on the node (restart it from outside).
 * Errors: E_TIMEOUT; E_PHASE_STATE when the drill has gone without a report; the signal's reason.
 */
export async function followDrill(
  files: DrillFiles,
  drill: Pick<DrillState, 'id' | 'restoreBy'>,
  options: { emit: Emit; signal: AbortSignal; onState?: (state: DrillState) => Promise<void> },
): Promise<DrillReport> {
  const { emit, signal, onState } = options;
  let told = '';
  let gone = 0;
  while (files.now() < drill.restoreBy + spareMs) {
    const report = await readReport(files);
    const state = await readState(files);
    if (report?.id === drill.id && state?.id !== drill.id) return report;
    if (state?.id === drill.id) {
      gone = 0;
      const step = stepOf(state);
      if (step !== told) emit({ type: 'progress', step });
      told = step;
      await onState?.(state);
    } else if (++gone > 20) {
      throw new EdgeadmError('E_PHASE_STATE', 'the drill has ended without a report', {
        hint: 'Its log: `journalctl -u edgeadm-drill`. The link: `edgeadm status`.',
      });
    }
    await files.pause(everyMs, signal);
    signal.throwIfAborted();
  }
  throw new EdgeadmError('E_TIMEOUT', 'the drill has not ended in time', {
    hint: 'The link is restored by now. See `journalctl -u edgeadm-drill`.',
  });
}

function stepOf({ stage, cutAt, checks, restart }: DrillState): string {
  const passed = checks.filter(({ outcome }) => outcome !== 'fail').length;
  const results = checks.length > 0 ? `, ${passed} of ${checks.length} checks passed` : '';
  switch (stage) {
    case 'cut':
      return cutAt === 0 ? 'look at what runs' : `the link is cut${results}`;
    case 'restarting':
      return restart === 'reboot' ? 'the node reboots' : 'the power of the node is cut';
    case 'restarted':
      return `the node is up again, the link still cut${results}`;
    default:
      return `the link is restored${results}`;
  }
}

/** Ends a drill, restores the link and removes what is left of it; false when there was none. Errors: E_COMMAND. */
export async function endDrill(machine: DrillMachine, problem: string): Promise<boolean> {
  const state = await readState(machine);
  if (await isRunning(machine)) await stopDrill(machine);
  const left = await readState(machine);
  if (left) await writeReport(machine, left, { problem });
  await removeDrill(machine);
  return state !== undefined;
}

/** For whoever waits for a drill on its node and is stopped: ends it, unless it is the node that goes down for it. */
export async function endUnlessRestarting(machine: DrillMachine): Promise<boolean> {
  const state = await readState(machine);
  if (state?.stage === 'restarting' && (await isShuttingDown(machine))) return false;
  return endDrill(machine, 'it was stopped');
}
