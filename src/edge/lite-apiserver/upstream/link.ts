import { EventEmitter } from 'node:events';
import { describe, isUnreachable } from './errors.ts';

const late = Symbol('late');

export interface LinkOptions {
  probeIntervalMs: number;
  probeTimeoutMs: number;
  /** Probes in a row that must fail when no error says at once that nothing is there. */
  misses: number;
  /** One exchange with `/readyz`; rejects when there is no answer that shows a working API server. */
  probe: (signal: AbortSignal) => Promise<void>;
  /** Called after a miss, to try another server. */
  rotate: () => void;
  /** What an error means, for people; default `describe` with the system's clock. */
  explain?: (error: unknown) => string;
}

/**
 * Whether the API server can be reached. Errors of ordinary requests count at once; silence is found by probes on a
 * connection of their own. Any byte from upstream is a sign of life, so a slow link that is busy is not taken for a dead
 * one. Emits `online` and `offline`.
 */
export class Link extends EventEmitter<{ online: []; offline: [string] }> {
  private readonly options: LinkOptions;
  private verdict: boolean | undefined;
  private signsOfLife = 0;
  private readonly first = Promise.withResolvers<void>();
  private wake: (() => void) | undefined;
  since = new Date();
  /** Why it is offline. */
  reason = '';
  transitions = 0;

  constructor(options: LinkOptions) {
    super();
    this.setMaxListeners(0);
    this.options = options;
  }

  get online(): boolean {
    return this.verdict === true;
  }

  /** Whether there was a verdict. */
  get settled(): boolean {
    return this.verdict !== undefined;
  }

  /** Resolves with the first verdict: at most a second after the start. */
  get ready(): Promise<void> {
    return this.first.promise;
  }

  /** Bytes came from upstream. */
  alive(): void {
    this.signsOfLife++;
  }

  /** A request failed. Errors that prove nothing bring the next probe forward. */
  failed(error: unknown, otherServers: boolean): void {
    if (isUnreachable(error) && !otherServers) this.change(false, this.explain(error));
    else if (this.verdict === true) this.wake?.();
  }

  /** Probes until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { probeIntervalMs, probeTimeoutMs } = this.options;
    let limit = Math.min(1000, probeTimeoutMs);
    while (!signal.aborted) {
      const started = performance.now();
      const before = this.signsOfLife;
      const error = await this.check(limit, this.online ? this.options.misses : 1, signal);
      limit = probeTimeoutMs;
      if (signal.aborted) break;
      if (error === undefined) this.change(true, '');
      else if (this.online && !isUnreachable(error) && this.signsOfLife > before) this.wakeSoon();
      else this.change(false, this.explain(error));
      await this.pause(Math.max(100, probeIntervalMs - (performance.now() - started)), signal);
    }
    this.first.resolve();
  }

  /**
   * Up to `attempts` probes, each begun when the one before has been silent for half its limit, so that silence is
   * certain after 1.5 limits and a slow link still has a whole one. Resolves with the last error, or undefined.
   */
  private async check(limitMs: number, attempts: number, signal: AbortSignal): Promise<unknown> {
    const done = new AbortController();
    const ends = AbortSignal.any([signal, done.signal]);
    const probes: Promise<void>[] = [];
    let last: unknown;
    try {
      for (let attempt = 1; attempt <= attempts; attempt++) {
        const probe = this.options.probe(AbortSignal.any([ends, AbortSignal.timeout(limitMs)]));
        probe.catch(() => {});
        probes.push(probe);
        try {
          const any = Promise.any(probes);
          if ((await (attempt < attempts ? within(any, limitMs / 2) : any)) !== late) return undefined;
        } catch (thrown) {
          last = (thrown as AggregateError).errors.at(-1);
          if (signal.aborted) return last;
          this.options.rotate();
          if (attempt < attempts && !isUnreachable(last)) await this.pause(limitMs / 4, signal);
        }
      }
    } finally {
      done.abort();
    }
    const silent = ['TimeoutError', 'AbortError'].includes((last as Error).name);
    return silent ? new Error(`no answer within ${limitMs} ms`) : last;
  }

  private explain(error: unknown): string {
    return this.options.explain?.(error) ?? describe(error, new Date());
  }

  private wakeSoon(): void {
    setTimeout(() => this.wake?.(), 200).unref();
  }

  private change(online: boolean, reason: string): void {
    this.reason = reason;
    if (this.verdict !== online) {
      const first = this.verdict === undefined;
      this.verdict = online;
      this.since = new Date();
      if (!first) this.transitions++;
      if (online) this.emit('online');
      else this.emit('offline', reason);
    }
    this.first.resolve();
  }

  private pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        this.wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done, { once: true });
      this.wake = done;
    });
  }
}

function within<T>(promise: Promise<T>, ms: number): Promise<T | typeof late> {
  const timer = Promise.withResolvers<typeof late>();
  const handle = setTimeout(() => timer.resolve(late), ms);
  return Promise.race([promise, timer.promise]).finally(() => clearTimeout(handle));
}
