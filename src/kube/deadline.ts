import { setTimeout as sleep } from 'node:timers/promises';

/** A point in monotonic time, so that a clock that is set meanwhile (first NTP answer) does not shorten or stretch a wait. */
export interface Deadline {
  readonly timeoutMs: number;
  remainingMs(): number;
  expired(): boolean;
}

export function deadline(timeoutMs: number): Deadline {
  const end = performance.now() + timeoutMs;
  const remainingMs = () => Math.max(0, end - performance.now());
  return { timeoutMs, remainingMs, expired: () => remainingMs() === 0 };
}

/** Waits before the next poll, at most until the deadline; rejects with the signal's reason. */
export async function pause(ms: number, until: Deadline, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  try {
    await sleep(Math.min(ms, until.remainingMs()), undefined, signal ? { signal } : {});
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

/** `90 s`, `5 min`: how a wait is named in a message. */
export function duration(ms: number): string {
  return ms >= 120_000 && ms % 60_000 === 0 ? `${ms / 60_000} min` : `${Math.round(ms / 100) / 10} s`;
}
