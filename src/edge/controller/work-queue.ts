import { once } from 'node:events';

export interface WorkQueueOptions {
  signal: AbortSignal;
  /** Keys worked on at the same time. */
  concurrency: number;
  /** `again` comes back after a back-off. `attempt` counts from 0 for each key; `waitedMs` since the key was added first. */
  work(key: string, attempt: number, waitedMs: number): Promise<'done' | 'again'>;
  /** A throw counts as `again`. */
  onError?(key: string, error: Error): void;
  backoff?: { firstMs: number; maxMs: number };
}

export interface WorkQueue {
  /** Works on a key soon; at once when it is waiting for its back-off. A key is never worked on twice at the same time. */
  add(key: string): void;
  /** Drops a key that no longer exists, unless it is being worked on. */
  forget(key: string): void;
  /** Keys that are waiting or worked on. */
  readonly size: number;
  /** Resolves after the signal aborted and all running work ended. */
  finished(): Promise<void>;
}

interface Entry {
  attempt: number;
  addedAt: number;
  state: 'queued' | 'running' | 'dirty' | 'waiting';
  timer?: NodeJS.Timeout;
}

/** Work by key with back-off per key: client-go's workqueue, small. */
export function workQueue(options: WorkQueueOptions): WorkQueue {
  const { signal, concurrency, work, backoff = { firstMs: 250, maxMs: 60_000 } } = options;
  const entries = new Map<string, Entry>();
  const ready: string[] = [];
  const running = new Set<Promise<void>>();

  function next(): void {
    while (running.size < concurrency && ready.length > 0 && !signal.aborted) {
      const key = ready.shift()!;
      const entry = entries.get(key);
      if (entry?.state !== 'queued') continue;
      const done: Promise<void> = run(key, entry).finally(() => {
        running.delete(done);
        next();
      });
      running.add(done);
    }
  }

  function enqueue(key: string, entry: Entry): void {
    clearTimeout(entry.timer);
    entry.state = 'queued';
    ready.push(key);
    next();
  }

  async function run(key: string, entry: Entry): Promise<void> {
    entry.state = 'running';
    let outcome: 'done' | 'again' = 'again';
    try {
      outcome = await work(key, entry.attempt, performance.now() - entry.addedAt);
    } catch (error) {
      if (!signal.aborted) options.onError?.(key, error as Error);
    }
    if (entries.get(key) === entry && !signal.aborted) settle(key, entry, outcome);
  }

  function settle(key: string, entry: Entry, outcome: 'done' | 'again'): void {
    if ((entry.state as string) === 'dirty') enqueue(key, entry);
    else if (outcome === 'done') entries.delete(key);
    else {
      const ms = Math.min(backoff.maxMs, backoff.firstMs * 2 ** Math.min(entry.attempt++, 20));
      entry.state = 'waiting';
      entry.timer = setTimeout(() => enqueue(key, entry), ms).unref();
    }
  }

  signal.addEventListener('abort', () => {
    for (const { timer } of entries.values()) clearTimeout(timer);
  });

  return {
    add(key) {
      const entry = entries.get(key);
      if (!entry) {
        const added: Entry = { attempt: 0, addedAt: performance.now(), state: 'queued' };
        entries.set(key, added);
        enqueue(key, added);
      } else if (entry.state === 'running') entry.state = 'dirty';
      else if (entry.state === 'waiting') enqueue(key, entry);
    },
    forget(key) {
      const entry = entries.get(key);
      if (entry?.state !== 'waiting' && entry?.state !== 'queued') return;
      clearTimeout(entry.timer);
      entries.delete(key);
    },
    get size() {
      return entries.size;
    },
    async finished() {
      if (!signal.aborted) await once(signal, 'abort');
      await Promise.all(running);
    },
  };
}
