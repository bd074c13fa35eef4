import type { Check, Look, Sight } from './checks.ts';
import type { DrillMachine } from './machine.ts';
import { type CheckName, type DrillCheck, tenths } from './state.ts';

const everyMs = 1000;
/** A look of a check that passed before may fail once on a busy node. */
const lastLooks = 5;

export interface Watch {
  checks: readonly { name: CheckName; check: Check }[];
  sight: Sight;
  machine: DrillMachine;
  signal: AbortSignal;
  since: DrillCheck['since'];
  /** Milliseconds since what `since` names. */
  elapsed(): Promise<number>;
  /** How long checks have, of `elapsed`. */
  untilMs: number;
  /** Stay for so long although everything has passed, and look at everything once more then; 0: do not. */
  leastMs: number;
  told(check: DrillCheck): void;
}

/** Looks until everything passed, or the time is over. Rejects with the signal's reason alone. */
export async function watchChecks(watch: Watch): Promise<DrillCheck[]> {
  const { checks, machine, signal, since, elapsed, untilMs, leastMs, told } = watch;
  const settled = new Map<CheckName, DrillCheck>();
  const last = new Map<CheckName, Look>();
  for (;;) {
    for (const { name, check } of checks) {
      if (settled.has(name)) continue;
      const look = await lookOnce(check, watch.sight);
      signal.throwIfAborted();
      last.set(name, look);
      if (look.outcome === 'wait') continue;
      const { outcome, message } = look;
      const done: DrillCheck = { name, outcome, message, since, seconds: tenths(await elapsed()) };
      settled.set(name, done);
      told(done);
    }
    const left = (settled.size === checks.length ? leastMs : untilMs) - (await elapsed());
    if (left <= 0) break;
    await machine.pause(Math.min(everyMs, left), signal);
    signal.throwIfAborted();
  }
  const seconds = tenths(await elapsed());
  const result: DrillCheck[] = [];
  for (const { name, check } of checks) {
    const done = settled.get(name);
    const fault = done ? leastMs > 0 && (await lookAgain(check, watch)) : last.get(name)?.message;
    if (done && !fault) {
      result.push(done);
      continue;
    }
    const message = done ? `passed after ${done.seconds} s, and then no more: ${fault}` : String(fault);
    const failed: DrillCheck = { name, outcome: 'fail', message, since, seconds };
    result.push(failed);
    told(failed);
  }
  return result;
}

/** Why a check passes no more; undefined when it does. */
async function lookAgain(check: Check, { sight, machine, signal }: Watch): Promise<string | undefined> {
  for (let left = lastLooks; ; left--) {
    const look = await lookOnce(check, sight);
    signal.throwIfAborted();
    if (look.outcome !== 'wait') return undefined;
    if (left <= 1) return look.message;
    await machine.pause(everyMs, signal);
    signal.throwIfAborted();
  }
}

/** What cannot be looked at now may be later: containerd and the proxy start after a boot. */
const lookOnce = (check: Check, sight: Sight): Promise<Look> =>
  check(sight).catch((error: Error) => ({ outcome: 'wait', message: error.message.split('\n')[0]! }));
