import type { WorkState } from '../../src/host/host.ts';
import type { Event } from '../../src/workflow/events.ts';

/** A change of a FakeHost: what it does, and what undoes it. */
export interface FakeChange {
  key: string;
  action: string;
  target: string;
  act(): unknown;
  undo(): unknown;
}

interface Subject {
  name: string;
  dryRun: boolean;
  emit(event: Event): void;
}

/** The changes of a FakeHost in the order they were made, and their undo. */
export class FakeJournal {
  readonly keys: string[] = [];
  readonly #host: Subject;
  readonly #failures = new Map<string, Error>();
  readonly #work = new Map<string, WorkState>();
  readonly #undo = new Map<string, () => unknown>();

  constructor(host: Subject) {
    this.#host = host;
  }

  get isEmpty(): boolean {
    return this.#undo.size === 0;
  }

  fail(key: string, error: Error): void {
    this.#failures.set(key, error);
  }

  state(key: string): WorkState {
    return this.#work.get(key) ?? 'absent';
  }

  async change({ key, action, target, act, undo }: FakeChange): Promise<true> {
    const { name: host, dryRun } = this.#host;
    if (!dryRun) {
      this.keys.push(key);
      if (!this.#undo.has(key)) this.#undo.set(key, undo);
    }
    const failure = this.#failures.get(key);
    if (failure && !key.startsWith('work:')) throw failure;
    await act();
    this.#host.emit({ type: 'change', host, action, target, summary: key, planned: dryRun });
    return true;
  }

  /** A change that is work of a program or of the caller, which may have been started and not done. */
  work(
    key: string,
    action: string,
    { work, undo }: { work(): Promise<void>; undo?: (() => unknown) | undefined },
  ): Promise<true> {
    return this.change({
      key: `work:${key}`,
      action,
      target: key,
      act: async () => {
        this.#work.set(key, 'started');
        const failure = this.#failures.get(`work:${key}`);
        if (failure) throw failure;
        if (!this.#host.dryRun) await work();
        this.#work.set(key, 'done');
      },
      undo: async () => {
        await undo?.();
        this.#work.delete(key);
      },
    });
  }

  async allOrNothing<T>(work: () => Promise<T>): Promise<T> {
    const known = new Set(this.#undo.keys());
    try {
      return await work();
    } catch (error) {
      await this.undoAll({ signal: new AbortController().signal, keep: (key) => known.has(key) });
      throw error;
    }
  }

  async undoAll(options: {
    signal: AbortSignal;
    keep?: (key: string) => boolean;
  }): Promise<{ undone: number; warnings: string[] }> {
    const { name: host, dryRun } = this.#host;
    const warnings: string[] = [];
    let undone = 0;
    for (const [key, undo] of [...this.#undo].reverse()) {
      options.signal.throwIfAborted();
      if (options.keep?.(key)) continue;
      this.#host.emit({ type: 'change', host, action: 'undo', target: key, summary: key, planned: dryRun });
      undone++;
      if (dryRun) continue;
      try {
        await undo();
        this.#undo.delete(key);
      } catch (error) {
        warnings.push(`${key} could not be undone: ${(error as Error).message}`);
      }
    }
    return { undone, warnings };
  }
}
