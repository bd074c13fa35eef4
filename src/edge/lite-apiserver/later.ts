/**
 * A client that got its answer has had time to read it by then: on a node with one or two cores it is woken where this
 * process runs, and waits until that is done.
 */
const clientFirstMs = 5;

/** Work that no client waits for: counting requests, filling the cache. Done before the next request is looked at. */
export class Later {
  private waiting: (() => void)[] = [];
  private timer: NodeJS.Timeout | undefined;

  add(work: () => void): void {
    this.waiting.push(work);
    if (this.waiting.length === 1) this.timer = setTimeout(() => this.run(), clientFirstMs);
  }

  /** Now, as it may matter from now on. */
  run(): void {
    if (this.waiting.length === 0) return;
    clearTimeout(this.timer);
    const { waiting } = this;
    this.waiting = [];
    for (const work of waiting) work();
  }
}
