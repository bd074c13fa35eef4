/** Lets through `perMinute` at most, one at a time (kube-controller-manager's limiter has a burst of one as well). */
export class TokenBucket {
  private readonly intervalMs: number;
  private readonly now: () => number;
  private next = Number.NEGATIVE_INFINITY;

  constructor(perMinute: number, now: () => number = () => performance.now()) {
    this.intervalMs = 60_000 / perMinute;
    this.now = now;
  }

  take(): boolean {
    const now = this.now();
    if (now < this.next) return false;
    this.next = now + this.intervalMs;
    return true;
  }
}
