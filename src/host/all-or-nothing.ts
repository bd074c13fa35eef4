import { toEdgeadmError } from '../errors.ts';
import type { Seam } from './seam.ts';
import { undoAll } from './undo.ts';

const undoTimeoutMs = 120_000;

/** Undoes what failed work touched for the first time; see Host.allOrNothing. What was asked to stop is undone, too. */
export async function allOrNothing<T>(seam: Seam, work: () => Promise<T>): Promise<T> {
  const known = new Set(seam.journal.entries.map(({ key }) => key));
  try {
    return await work();
  } catch (error) {
    if (!seam.dryRun) await takeBack(seam, (key) => known.has(key));
    throw error;
  }
}

/** Never throws: what went wrong before is what the user must hear of. What could not be undone stays in the journal. */
async function takeBack(seam: Seam, keep: (key: string) => boolean): Promise<void> {
  const warn = (message: string) => seam.emit({ type: 'warning', code: 'E_JOURNAL', message });
  try {
    const { warnings } = await undoAll(seam, { signal: AbortSignal.timeout(undoTimeoutMs), keep });
    warnings.forEach(warn);
  } catch (thrown) {
    warn(
      `not all of it could be undone: ${toEdgeadmError(thrown).message}; \`edgeadm reset\` undoes the rest`,
    );
  }
}
