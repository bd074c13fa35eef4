import { EdgeadmError } from '../../errors.ts';
import type { Change, Command, CommandResult, WorkState } from '../host.ts';
import type { Entry } from '../journal/journal.ts';
import { change, type Seam, type UndoReport } from '../seam.ts';

interface WorkAfter {
  summary: string;
  /** Only what a journal may hold: no callbacks, no secrets. */
  undo?: Pick<Command, 'file' | 'args' | 'env' | 'cwd' | 'input' | 'timeoutMs'>;
}

function workKey(key: string): string {
  return `work:${key}`;
}

export function workState(seam: Seam, planned: ReadonlySet<string>, key: string): WorkState {
  if (planned.has(key)) return 'done';
  const entry = seam.journal.entry(workKey(key));
  return entry ? (entry.done ? 'done' : 'started') : 'absent';
}

/** Runs a command that changes the host; see Host.run. */
export async function run(
  seam: Seam,
  planned: Set<string>,
  command: Command,
  work: Change,
): Promise<CommandResult> {
  let result: CommandResult = { exitCode: 0, stdout: '', stderr: '' };
  if (work.once !== false && workState(seam, planned, work.key) === 'done') return result;
  await change(
    seam,
    {
      kind: 'work',
      key: workKey(work.key),
      before: async () => null,
      after: after(work),
      action: 'run',
      target: work.key,
      summary: work.summary,
    },
    async () => {
      result = await seam.execute(command);
    },
    () => planned.add(work.key),
  );
  return result;
}

/** Journals a piece of work of several steps; see Host.once. */
export async function once(
  seam: Seam,
  planned: Set<string>,
  key: string,
  summary: string,
  work: () => Promise<void>,
): Promise<boolean> {
  if (workState(seam, planned, key) === 'done') return false;
  return change(
    seam,
    {
      kind: 'work',
      key: workKey(key),
      before: async () => null,
      after: { summary },
      action: 'work',
      target: key,
      summary,
    },
    work,
    () => planned.add(key),
  );
}

export async function undoWork(seam: Seam, entry: Entry, report: UndoReport): Promise<void> {
  const { undo } = entry.after as WorkAfter;
  if (!undo) return;
  try {
    await seam.execute(undo);
  } catch (error) {
    if (!(error instanceof EdgeadmError) || error.code !== 'E_COMMAND_MISSING') throw error;
    report.warn(`${entry.key}: ${error.message}; nothing was run to undo it`);
  }
}

function after(work: Change): WorkAfter {
  if (!work.undo) return { summary: work.summary };
  if (work.undo.secrets?.length) {
    throw new EdgeadmError(
      'E_INTERNAL',
      `the undo of ${work.key} has secrets, which a journal must not hold`,
    );
  }
  const { file, args, env, cwd, input, timeoutMs } = work.undo;
  return {
    summary: work.summary,
    undo: JSON.parse(JSON.stringify({ file, args, env, cwd, input, timeoutMs })),
  };
}
