import { randomBytes } from 'node:crypto';
import os from 'node:os';
import type { Emit } from '../workflow/events.ts';
import { searchPath } from './command.ts';
import { FileView } from './files/view.ts';
import { Backups } from './journal/backups.ts';
import { Journal } from './journal/journal.ts';
import { LocalHost } from './local.ts';
import { acquireLock, type Lock } from './lock.ts';
import { stopOrphans } from './orphans.ts';
import { paths } from './paths.ts';
import { finishRewrites } from './recover.ts';

export interface OpenHostOptions {
  emit: Emit;
  /** Plan only: no lock, no journal, no change. */
  dryRun?: boolean;
  /** The command line as the user typed it, without secrets; for the lock and the journal. */
  command: string;
  /** For tests: a directory that stands for `/`. Commands still run on this machine. */
  root?: string;
  /** For tests: the value of PATH for commands. */
  searchPath?: string;
}

/**
 * Opens this machine for work: takes the lock, reads the journal, and stops what an interrupted run left working.
 * Nothing is written but the lock until the first change.
 * Errors: E_HOST_BUSY, E_JOURNAL, E_HOST_WRITE.
 */
export async function openHost(options: OpenHostOptions): Promise<LocalHost> {
  const { emit, dryRun = false, command, root = '/' } = options;
  const run = randomBytes(6).toString('hex');
  const view = new FileView(root);
  const place = (shown: string) => ({ shown, real: view.real(shown) });
  const lock = dryRun ? undefined : await acquireLock(place(paths.lock), { run, command });
  try {
    const journal = await Journal.open(place(paths.journal), run, command);
    const backups = new Backups(place(paths.backups));
    if (lock) await cleanUpAfter(journal, lock, emit);
    const host = new LocalHost({
      name: os.hostname(),
      dryRun,
      emit,
      view,
      journal,
      backups,
      lock,
      searchPath: options.searchPath ?? searchPath,
    });
    if (lock) await finishRewrites(host);
    return host;
  } catch (error) {
    await lock?.release();
    throw error;
  }
}

/** A run that was killed may have left programs at work; they must not go on beside this one. */
async function cleanUpAfter(journal: Journal, lock: Lock, emit: Emit): Promise<void> {
  const dead = [...new Set([...journal.deadRuns, ...lock.dead.map((owner) => owner.run)])];
  const stopped = await stopOrphans(dead);
  if (stopped.length > 0) {
    const names = stopped.map(({ name, pid }) => `${name} (pid ${pid})`).join(', ');
    emit({ type: 'warning', message: `stopped what an interrupted edgeadm had left running: ${names}` });
  }
  if (journal.deadRuns.length > 0) await journal.end(journal.deadRuns);
}
