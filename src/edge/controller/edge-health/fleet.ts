import type { EdgeHealthSettings } from '../../../config/edge-health.ts';
import type { KubeObject } from '../../../kube/types.ts';
import { type Peers, parseVote, voteAnnotation, voteLifetimeSeconds } from '../../health/protocol.ts';
import { predecessors, successors } from '../../health/ring.ts';
import { type Ready, type Verdict, type Voter, verdictOn } from './verdict.ts';

/** core/v1 Node, as far as it is read. */
export type Node = KubeObject & {
  metadata: { uid?: string };
  status?: {
    addresses?: { type: string; address: string }[];
    conditions?: { type: string; status: string }[];
  };
};

export interface Member {
  name: string;
  uid: string;
  /** Empty: none, so it has no peers. */
  site: string;
  address: string;
  ready: Ready;
}

interface SeenVote {
  turn: string;
  unreachable: ReadonlySet<string>;
  /** `performance.now()` of the last change; undefined while it has not changed since it was first seen. */
  changedAt: number | undefined;
}

/** Edge nodes, their sites and what they voted, as the watches bring it. Keeps no objects. */
export class Fleet {
  private readonly settings: EdgeHealthSettings;
  private readonly now: () => number;
  private readonly members = new Map<string, Member>();
  private readonly sites = new Map<string, Set<string>>();
  private readonly votes = new Map<string, SeenVote>();

  constructor(settings: EdgeHealthSettings, now: () => number = () => performance.now()) {
    this.settings = settings;
    this.now = now;
  }

  get size(): number {
    return this.members.size;
  }

  get names(): string[] {
    return [...this.members.keys()];
  }

  get(name: string): Member | undefined {
    return this.members.get(name);
  }

  /** Takes a Node as it is now. Gives the names of those whose peers may have changed. */
  put(node: Node): string[] {
    const before = this.members.get(node.metadata.name);
    const { addresses = [], conditions = [] } = node.status ?? {};
    const ready = conditions.find(({ type }) => type === 'Ready')?.status;
    const member: Member = {
      name: node.metadata.name,
      uid: node.metadata.uid ?? '',
      site: node.metadata.labels?.[this.settings.siteLabel] ?? '',
      address: addresses.find(({ type }) => type === 'InternalIP')?.address ?? '',
      // Before the first report there is no condition: nobody knows yet, and no taint of ours to think of.
      ready: ready === 'True' || ready === 'Unknown' ? ready : 'False',
    };
    const siteBefore = this.siteOf(member.name);
    this.members.set(member.name, member);
    if (before?.site !== member.site) {
      this.leave(before);
      if (member.site !== '') {
        const site = this.sites.get(member.site) ?? new Set();
        this.sites.set(member.site, site.add(member.name));
      }
    }
    const isSame =
      before?.site === member.site && before.address === member.address && before.uid === member.uid;
    return isSame ? [] : [...new Set([member.name, ...siteBefore, ...this.siteOf(member.name)])];
  }

  /** Names of those whose peers may have changed. */
  remove(name: string): string[] {
    const site = this.siteOf(name);
    this.leave(this.members.get(name));
    this.members.delete(name);
    return site.filter((other) => other !== name);
  }

  /** Names of the members of a site. */
  siteOf(name: string): string[] {
    const site = this.members.get(name)?.site;
    return [...((site && this.sites.get(site)) || [])];
  }

  /** What a node is to be told. */
  peersOf(name: string): Peers {
    const { peers, probeSeconds } = this.settings;
    const names = successors(this.siteOf(name), name, peers);
    return {
      probeSeconds,
      peers: names.flatMap((peer) => {
        const address = this.members.get(peer)?.address;
        return address ? [{ name: peer, address }] : [];
      }),
    };
  }

  /**
   * Takes a node's CSINode as it is now. A vote counts from when it is seen to change, by this machine's clock: so no two
   * clocks are compared, and what a voter wrote before this process started is not taken for news.
   */
  vote({ metadata: { name, annotations } }: KubeObject): void {
    const vote = parseVote(annotations?.[voteAnnotation]) ?? { turn: '', unreachable: [] };
    const before = this.votes.get(name);
    if (before?.turn === vote.turn) return;
    this.votes.set(name, {
      turn: vote.turn,
      unreachable: new Set(vote.unreachable),
      changedAt: before && this.now(),
    });
  }

  forgetVote(name: string): void {
    this.votes.delete(name);
  }

  verdict(name: string): Verdict {
    const member = this.members.get(name);
    // Nothing to count for most.
    if (member?.ready !== 'Unknown') return 'connected';
    return verdictOn(member.ready, this.votersOn(name), this.settings.minimumVotes);
  }

  votersOn(name: string): (Voter & { name: string })[] {
    return predecessors(this.siteOf(name), name, this.settings.peers).map((peer) => ({
      name: peer,
      ready: this.members.get(peer)?.ready ?? 'Unknown',
      vote: this.voteOf(peer, name),
    }));
  }

  private voteOf(voter: string, on: string): Voter['vote'] {
    const vote = this.votes.get(voter);
    const age = vote?.changedAt === undefined ? Number.POSITIVE_INFINITY : this.now() - vote.changedAt;
    if (!vote || age > voteLifetimeSeconds * 1000) return 'stale';
    return vote.unreachable.has(on) ? 'unreachable' : 'reachable';
  }

  private leave(member: Member | undefined): void {
    if (!member) return;
    const site = this.sites.get(member.site);
    site?.delete(member.name);
    if (site?.size === 0) this.sites.delete(member.site);
  }
}
