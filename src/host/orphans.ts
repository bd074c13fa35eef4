import fs from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { EdgeadmError } from '../errors.ts';
import { parentOf, processes, processStart } from './procfs.ts';

/** A process that a dead run left working. */
export interface Orphan {
  pid: number;
  start: number;
  name: string;
}

const termMs = 5_000;
const killMs = 10_000;
const pollMs = 50;

/** Processes with EDGEADM_RUN of one of these runs, without this process and those it descends from. */
async function findOrphans(runs: readonly string[]): Promise<Orphan[]> {
  if (runs.length === 0) return [];
  const own = new Set<number>();
  for (let pid = process.pid; pid > 0; pid = await parentOf(pid)) own.add(pid);
  const found: Orphan[] = [];
  for (const pid of await processes()) {
    if (own.has(pid)) continue;
    const environment = await fs.readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
    const run = /(?:^|\0)EDGEADM_RUN=([^\0]*)/.exec(environment)?.[1];
    if (run === undefined || !runs.includes(run)) continue;
    const start = await processStart(pid);
    const name = (await fs.readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim();
    if (start !== undefined) found.push({ pid, start, name });
  }
  return found;
}

/**
 * Stops what dead runs left working, so that it does not work beside the new run: SIGTERM, then SIGKILL.
 * Looks again until nothing is left, as they may start others meanwhile.
 * Errors: E_HOST_BUSY when one does not end.
 */
export async function stopOrphans(runs: readonly string[]): Promise<Orphan[]> {
  const stopped = new Map<number, Orphan>();
  for (const [signal, ms] of [
    ['SIGTERM', termMs],
    ['SIGKILL', killMs],
  ] as const) {
    const signalled = new Set<number>();
    const deadline = Date.now() + ms;
    for (;;) {
      const alive = await findOrphans(runs);
      if (alive.length === 0) return [...stopped.values()];
      for (const orphan of alive) {
        if (signalled.has(orphan.pid)) continue;
        signalled.add(orphan.pid);
        stopped.set(orphan.pid, orphan);
        send(orphan.pid, signal);
      }
      if (Date.now() > deadline) break;
      await delay(pollMs);
    }
  }
  const left = (await findOrphans(runs)).map(({ pid, name }) => `${name} (pid ${pid})`);
  throw new EdgeadmError(
    'E_HOST_BUSY',
    `an interrupted edgeadm left a process that cannot be stopped: ${left.join(', ')}`,
    {
      hint: 'It hangs in the kernel (a disk or a network mount that does not answer?). See dmesg; a reboot ends it.',
    },
  );
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended.
  }
}
