import type { Store } from '../cache/store.ts';
import type { NodeClock } from '../clock.ts';
import type { LiteApiserverConfig } from '../config.ts';
import type { FilterChain } from '../filters/chain.ts';
import type { Later } from '../later.ts';
import type { Memory } from '../memory.ts';
import type { Metrics } from '../metrics.ts';
import type { Caller } from '../serve/identity.ts';
import type { Link } from '../upstream/link.ts';
import type { Transport } from '../upstream/transport.ts';
import { compareVersions, isVersion } from '../wire/object.ts';

export interface CertificateStatus {
  name: string;
  /** ISO time; empty when there is none yet. */
  notAfter: string;
  /** Why the file could not be taken; empty otherwise. */
  problem: string;
  /** What its end means and what to do; empty while it is good. */
  expired: string;
}

export interface PeerStatus {
  name: string;
  /** `unknown`: it was not proven yet. */
  reachable: 'yes' | 'no' | 'unknown';
  /** Whether it reaches the cloud, as it said last. */
  online: 'yes' | 'no' | 'unknown';
}

/** What every handler of a request works with. */
export interface ProxyContext {
  config: LiteApiserverConfig;
  link: Link;
  transport: Transport;
  store: Store;
  filters: FilterChain;
  metrics: Metrics;
  memory: Memory;
  later: Later;
  denials: Denials;
  history: History;
  /** Validity of the certificates in use, for the status page. */
  certificates: () => CertificateStatus[];
  clock: NodeClock;
  /** Set by the health part: what it knows of the other nodes of this site. */
  peers?: () => PeerStatus[];
  log: (level: number, message: string) => void;
}

/** How long the API server must keep refusing before what an identity has read is dropped. */
const denialMs = 30_000;

/**
 * An API server that starts refuses for some seconds what it will allow soon. So a refusal costs an identity its cache
 * only when it is still there after a while; an answer in between clears it.
 */
export class Denials {
  private readonly since = new Map<string, number>();

  /** True when the refusal has lasted. */
  refused(key: string): boolean {
    const first = this.since.get(key);
    if (first === undefined) {
      if (this.since.size > 1000) this.since.clear();
      this.since.set(key, performance.now());
      return false;
    }
    return performance.now() - first > denialMs;
  }

  granted(key: string): void {
    if (this.since.size > 0) this.since.delete(key);
  }
}

/** What the API server says of itself when the link is back. */
export interface ServerState {
  /** resourceVersion now. */
  version: string;
  /** The Lease of this node; undefined when there is none. `renewed` in milliseconds since the epoch. */
  lease?: { version: string; renewed: number };
}

/** Between a renewal's time and its request: the kubelet takes the time first. */
const leaseToleranceMs = 5000;

/**
 * A control plane that was restored from a backup counts resourceVersions from an older state: watches from a version
 * that it never had would wait for ever in silence, or go on in a history that is another one. Found by comparing, each
 * time the link is back: it has a smaller version than is known here, or does not know of a renewal of the node's Lease that
 * it had acknowledged.
 */
export class History {
  /** Settles when the comparison after the last return of the link is done. */
  checked: Promise<void> = Promise.resolve();
  /** When the kubelet sent the last renewal of the node's Lease that succeeded; milliseconds since the epoch. */
  renewed = 0;
  private running: Promise<void> | undefined;
  private readonly comparison: () => Promise<void>;
  private lost: { above: string; upTo: string; at: number } | undefined;

  constructor(comparison: () => Promise<void>) {
    this.comparison = comparison;
  }

  /** Compares again; several who ask at once share one request. */
  recheck(): Promise<void> {
    this.running ??= this.comparison().finally(() => {
      this.running = undefined;
    });
    this.checked = this.running;
    return this.running;
  }

  /** `newest` is the newest version that is known here. Returns the one above which nothing known counts, if history went back. */
  compare({ version, lease }: ServerState, newest: string): string | undefined {
    if (!isVersion(version) || !isVersion(newest)) return undefined;
    let above = compareVersions(newest, version) > 0 ? version : undefined;
    if (lease && isVersion(lease.version) && lease.renewed < this.renewed - leaseToleranceMs)
      above = lease.version;
    if (above !== undefined) this.lost = { above, upTo: newest, at: Date.now() };
    return above;
  }

  /**
   * True for a version of the history that was lost. `filled` is when the collection it belongs to was last read as a
   * whole: what was read since is of the new one.
   */
  isLost(version: string, filled = 0): boolean {
    const { lost } = this;
    if (!lost || filled > lost.at || Date.now() > lost.at + 600_000 || !isVersion(version)) return false;
    return compareVersions(version, lost.above) > 0 && compareVersions(version, lost.upTo) <= 0;
  }
}

/**
 * After an answer of the API server: a success makes a bearer token one that is served offline too, a lasting 401 ends that.
 * Offline nothing is learned.
 */
export function learnToken(
  context: ProxyContext,
  caller: Caller,
  authorization: string | undefined,
  status: number,
): void {
  if (caller.type !== 'bearer') return;
  const { store, denials } = context;
  if (status === 401) {
    if (denials.refused(caller.tokenHash)) store.guard(() => store.tokens.forget(caller.tokenHash));
  } else if (status === 200) {
    denials.granted(caller.tokenHash);
    const token = (authorization ?? '').replace(/^bearer +/i, '').trim();
    store.guard(() => store.tokens.accept(caller.tokenHash, caller.identity, token));
  }
}
