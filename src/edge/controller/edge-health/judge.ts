import { voteLifetimeSeconds } from '../../health/protocol.ts';
import type { Fleet } from './fleet.ts';
import { TokenBucket } from './token-bucket.ts';
import type { Verdict } from './verdict.ts';

/** A verdict that is another one than before. */
export interface Change {
  name: string;
  before: Verdict;
  after: Verdict;
}

/**
 * Holds the verdicts that are in force. A node comes to be lost only as fast as the limit lets through; the way back is
 * never held up. A new leader has not heard of votes yet: until they could have come it says nothing of silent nodes, so
 * that an eviction that is under way goes on.
 */
export class Judge {
  private readonly fleet: Fleet;
  private readonly limit: TokenBucket;
  private readonly now: () => number;
  private readonly hearsUntil: number;
  private readonly inForce = new Map<string, Verdict>();

  constructor(fleet: Fleet, lostPerMinute: number, now: () => number = () => performance.now()) {
    this.fleet = fleet;
    this.now = now;
    this.limit = new TokenBucket(lostPerMinute, now);
    this.hearsUntil = now() + voteLifetimeSeconds * 1000;
  }

  /** False while nothing can be said of the node. */
  isSettled(name: string): boolean {
    return (
      this.fleet.get(name)?.ready !== 'Unknown' || this.inForce.has(name) || this.now() >= this.hearsUntil
    );
  }

  verdict(name: string): Verdict {
    return this.inForce.get(name) ?? 'connected';
  }

  isLost(name: string): boolean {
    return this.verdict(name) === 'lost';
  }

  count(verdict: Verdict): number {
    let count = 0;
    for (const each of this.inForce.values()) if (each === verdict) count++;
    return count;
  }

  /** Looks at all nodes again and resolves what changed. */
  look(): Change[] {
    const changes: Change[] = [];
    for (const name of this.inForce.keys()) if (!this.fleet.get(name)) this.inForce.delete(name);
    for (const name of this.fleet.names) {
      const before = this.inForce.get(name) ?? 'connected';
      let after = this.fleet.verdict(name);
      if (after === 'lost' && before !== 'lost' && !this.limit.take()) after = 'cut-off';
      if (after === before || (after === 'cut-off' && !this.isSettled(name))) continue;
      this.inForce.set(name, after);
      changes.push({ name, before, after });
    }
    return changes;
  }
}
