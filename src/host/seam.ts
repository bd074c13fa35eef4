import type { Emit } from '../workflow/events.ts';
import type { FileView } from './files/view.ts';
import type { Command, CommandResult } from './host.ts';
import type { Backups } from './journal/backups.ts';
import type { Journal } from './journal/journal.ts';
import type { Kind } from './journal/records.ts';

/** What the parts of the host seam share: where they are, what they know, and how they change something. */
export interface Seam {
  readonly name: string;
  readonly dryRun: boolean;
  readonly emit: Emit;
  readonly view: FileView;
  readonly journal: Journal;
  readonly backups: Backups;
  /** Unit files changed since systemd read them. */
  unitsChanged: boolean;
  execute(command: Command, options?: { allowFailure?: boolean; level?: number }): Promise<CommandResult>;
}

export interface Planned<After> {
  kind: Kind;
  key: string;
  /** State to come back to; only asked for at the first touch, as it may have to copy what is there. */
  before: () => Promise<unknown>;
  after: After;
  /** For the `change` event. */
  action: string;
  target: string;
  summary: string;
}

/** Journals a change, makes it, and says so. In a dry run it only says so and calls `plan`. Always true: something was to be done. */
export async function change<After>(
  seam: Seam,
  planned: Planned<After>,
  act: () => Promise<void>,
  plan?: () => void,
): Promise<true> {
  const { kind, key, after, action, target, summary } = planned;
  if (seam.dryRun) {
    plan?.();
  } else {
    const before = seam.journal.entry(key) ? undefined : await planned.before();
    await seam.journal.intend({ kind, key, before, after });
    await act();
    await seam.journal.done(key);
  }
  seam.emit({ type: 'change', host: seam.name, action, target, summary, planned: seam.dryRun });
  return true;
}

/** Nothing to change; a change that a crashed run made but could not mark is marked now. Always false. */
export async function unchanged(seam: Seam, key: string): Promise<false> {
  const entry = seam.journal.entry(key);
  if (entry && !entry.done && !seam.dryRun) await seam.journal.done(key);
  return false;
}

/** What an undo step reports beside its success. */
export interface UndoReport {
  /** Something worth telling: kept, left or lost. The step counts as undone. */
  warn(message: string): void;
  /** Work for the end, when all files are as they were (restarting what was running before). */
  atEnd(work: () => Promise<void>): void;
  /** Keeps a copy of what somebody else changed, gives the path of the copy. */
  keepCopy(path: string): Promise<string>;
}
