import type { PeerStatus } from '../lite-apiserver/proxy/context.ts';
import type { Outcome } from './probe.ts';

/** Probes in a row without an answer that make a peer unreachable. */
const missesToUnreachable = 3;
/** How long a node that is back takes at most until the cloud has heard from its kubelet of every pod. */
const recoveryMs = 60_000;

interface State {
  /** undefined: not known yet. */
  reachable: boolean | undefined;
  /** Whether it ever proved itself to this process. */
  proven: boolean;
  misses: number;
  /** Whether it reaches the cloud, as it says. */
  online: boolean | undefined;
  heldUntil: number;
}

/** What is known of the nodes of this site, this node itself among them. */
export class Site {
  private readonly self: string;
  private readonly now: () => number;
  private readonly states = new Map<string, State>();

  constructor(self: string, now: () => number = () => performance.now()) {
    this.self = self;
    this.now = now;
    this.states.set(self, fresh());
  }

  /** Names of peers that did not answer for some time, sorted. */
  get unreachable(): string[] {
    return [...this.states].flatMap(([name, { reachable }]) => (reachable === false ? [name] : [])).sort();
  }

  get names(): string[] {
    return [...this.states.keys()];
  }

  /** The peers, for the status page. */
  status(): PeerStatus[] {
    const word = (known: boolean | undefined) => (known === undefined ? 'unknown' : known ? 'yes' : 'no');
    return [...this.states]
      .filter(([name]) => name !== this.self)
      .map(([name, { reachable, online }]) => ({ name, reachable: word(reachable), online: word(online) }));
  }

  setPeers(names: readonly string[]): void {
    for (const name of this.states.keys())
      if (name !== this.self && !names.includes(name)) this.states.delete(name);
    for (const name of names) if (!this.states.has(name)) this.states.set(name, fresh());
  }

  /** Takes the outcome of a probe. Returns what to tell, when the peer became reachable or unreachable by it. */
  probed(name: string, outcome: Outcome): 'reachable' | 'unreachable' | undefined {
    const state = this.states.get(name);
    if (!state || name === this.self) return undefined;
    const before = state.reachable;
    if (outcome.result === 'silent') {
      if (++state.misses >= missesToUnreachable) state.reachable = false;
    } else state.misses = 0;
    if (outcome.result === 'answered') {
      Object.assign(state, { reachable: true, proven: true });
      this.setOnline(state, outcome.online);
    }
    if (state.reachable === before || state.reachable === undefined) return undefined;
    return state.reachable ? 'reachable' : 'unreachable';
  }

  setSelf(online: boolean): void {
    const state = this.states.get(this.self)!;
    state.reachable = true;
    this.setOnline(state, online);
  }

  knows(name: string): boolean {
    return this.states.has(name);
  }

  /** The node lives and the cloud does not hear of it, or not of everything yet. */
  isCutOff(name: string): boolean {
    const state = this.states.get(name);
    return state?.reachable === true && (state.online === false || this.now() < state.heldUntil);
  }

  /** The node lives and what the cloud says of its pods comes from itself. */
  isReporting(name: string): boolean {
    const state = this.states.get(name);
    return state?.reachable === true && state.online === true && this.now() >= state.heldUntil;
  }

  /** It stopped to answer, and this node cannot hear from the cloud what became of it. */
  isGone(name: string): boolean {
    const state = this.states.get(name);
    return state?.reachable === false && state.proven && this.states.get(this.self)?.online === false;
  }

  private setOnline(state: State, online: boolean | undefined): void {
    // Its kubelet answered in place of its health part: what it said last holds.
    if (online === undefined) return;
    if (online && state.online === false) state.heldUntil = this.now() + recoveryMs;
    state.online = online;
  }
}

function fresh(): State {
  return {
    reachable: undefined,
    proven: false,
    misses: 0,
    online: undefined,
    heldUntil: Number.NEGATIVE_INFINITY,
  };
}
