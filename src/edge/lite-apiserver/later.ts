/**
 * A client that got its answer has had time to read it by then: on a node with one or two cores it is woken where this
 * process runs, and waits until that is done.
 */
const clientFirstMs = 5;

/** Work that nobody waits for: counting requests, filling the cache. */
export class Later {
  private waiting: (() => void)[] = [];

  add(work: () => void): void {
    this.waiting.push(work);
    if (this.waiting.length === 1) setTimeout(() => this.run(), clientFirstMs);
  }

  /** At once, as it may matter now. */
  run(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const work of waiting) work();
  }
}
