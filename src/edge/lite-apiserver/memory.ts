import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const enoughBytes = 2 << 20;
const quietMs = 3000;
const leastIntervalMs = 30_000;

/**
 * Gives memory back after large lists. V8 collects when it needs room, not when a small device does: without this a
 * few lists of 5 MB leave 100 MB resident for good.
 */
export class Memory {
  private bytes = 0;
  private timer: NodeJS.Timeout | undefined;
  private last = Number.NEGATIVE_INFINITY;
  private collect: (() => void) | undefined;

  /** So many bytes were turned into objects that are garbage now. */
  spent(bytes: number): void {
    this.bytes += bytes;
    if (this.bytes < enoughBytes || this.timer) return;
    const wait = Math.max(quietMs, this.last + leastIntervalMs - performance.now());
    this.timer = setTimeout(() => this.run(), wait);
    this.timer.unref();
  }

  private run(): void {
    this.timer = undefined;
    this.bytes = 0;
    this.last = performance.now();
    if (!this.collect) {
      setFlagsFromString('--expose-gc');
      this.collect = runInNewContext('gc') as () => void;
    }
    this.collect();
  }
}
