import { afterEach, describe, expect, it, vi } from 'vitest';
import { type WorkQueueOptions, workQueue } from '../../../../src/edge/controller/work-queue.ts';
import { eventually } from './eventually.ts';

const backoff = { firstMs: 1, maxMs: 4 };
const stops: AbortController[] = [];

afterEach(() => {
  for (const stop of stops.splice(0)) stop.abort();
});

function make(work: WorkQueueOptions['work'], more: Partial<WorkQueueOptions> = {}) {
  const stop = new AbortController();
  stops.push(stop);
  return { stop, queue: workQueue({ signal: stop.signal, concurrency: 2, backoff, work, ...more }) };
}

/** Work that waits until it is let go. */
function gate() {
  const started: string[] = [];
  const waiting = new Map<string, () => void>();
  return {
    started,
    open: (key: string) => waiting.get(key)?.(),
    work: async (key: string) => {
      started.push(key);
      await new Promise<void>((resolve) => waiting.set(key, resolve));
      return 'done' as const;
    },
  };
}

describe('a work queue', () => {
  it('comes back to a key until it is done, and counts', async () => {
    const attempts: number[] = [];
    const { queue } = make(async (_, attempt) => {
      attempts.push(attempt);
      return attempt < 4 ? 'again' : 'done';
    });
    queue.add('a');
    await eventually(() => expect(queue.size).toBe(0));
    expect(attempts).toEqual([0, 1, 2, 3, 4]);
  });

  it('comes back after a throw, and tells', async () => {
    const onError = vi.fn();
    const { queue } = make(
      async (_, attempt) => {
        if (attempt === 0) throw new Error('broken');
        return 'done';
      },
      { onError },
    );
    queue.add('a');
    await eventually(() => expect(queue.size).toBe(0));
    expect(onError).toHaveBeenCalledExactlyOnceWith('a', expect.objectContaining({ message: 'broken' }));
  });

  it('works on so many keys at the same time, and on no key twice', async () => {
    const { work, started, open } = gate();
    const { queue } = make(work);
    for (const key of ['a', 'a', 'b', 'c']) queue.add(key);
    expect(started).toEqual(['a', 'b']);
    open('b');
    await eventually(() => expect(started).toEqual(['a', 'b', 'c']));
    queue.add('a');
    expect(started).toEqual(['a', 'b', 'c']);
    open('a');
    await eventually(() => expect(started).toEqual(['a', 'b', 'c', 'a']));
    open('a');
    open('c');
    await eventually(() => expect(queue.size).toBe(0));
  });

  it('does not wait for a back-off when a key is added again', async () => {
    const seen: number[] = [];
    const { queue } = make(
      async (_, attempt) => {
        seen.push(attempt);
        return 'again';
      },
      { backoff: { firstMs: 600_000, maxMs: 600_000 } },
    );
    queue.add('a');
    await eventually(() => expect(seen).toEqual([0]));
    await eventually(() => {
      queue.add('a');
      expect(seen.length).toBeGreaterThan(1);
    });
  });

  it('forgets a key that waits', async () => {
    let runs = 0;
    const { queue } = make(
      async () => {
        runs++;
        return 'again';
      },
      { backoff: { firstMs: 50, maxMs: 50 } },
    );
    queue.add('a');
    await eventually(() => expect(runs).toBe(1));
    await eventually(() => {
      queue.forget('a');
      expect(queue.size).toBe(0);
    });
  });

  it('is finished when the signal aborted and running work ended', async () => {
    const { work, started, open } = gate();
    const { queue, stop } = make(work);
    for (const key of ['a', 'b', 'c']) queue.add(key);
    let finished = false;
    const end = queue.finished().then(() => {
      finished = true;
    });
    stop.abort();
    open('a');
    await new Promise((resolve) => setImmediate(resolve));
    expect(finished).toBe(false);
    open('b');
    await end;
    expect(started).toEqual(['a', 'b']);
  });
});
