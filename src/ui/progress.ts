import type { Event } from '../workflow/events.ts';
import type { Symbols } from './terminal.ts';

export type Progress = Extract<Event, { type: 'progress' }>;

/**
 * Says whether a progress event is worth a line: the first of a step, its completion, and between them one each
 * `intervalMs`.
 */
export function throttle(
  intervalMs: number,
  now: () => number = () => performance.now(),
): (event: Progress) => boolean {
  const last = new Map<string, { step: string; at: number }>();
  return (event) => {
    const key = event.phase ?? '';
    const before = last.get(key);
    const at = now();
    const complete = event.total !== undefined && event.done === event.total;
    if (before?.step === event.step && !complete && at - before.at < intervalMs) return false;
    last.set(key, { step: event.step, at });
    return true;
  };
}

/** `████████░░░░` of `width` columns; `share` is 0 to 1. */
export function bar(share: number, width: number, { bar: { full, empty } }: Symbols): string {
  const filled = Math.round(Math.min(Math.max(share, 0), 1) * width);
  return full.repeat(filled) + empty.repeat(width - filled);
}

/** Seconds until done at the pace so far, or undefined while nothing can be said. */
export function remaining(share: number, elapsedSeconds: number): number | undefined {
  if (share <= 0.01 || share >= 1 || elapsedSeconds < 2) return undefined;
  return (elapsedSeconds / share) * (1 - share);
}
