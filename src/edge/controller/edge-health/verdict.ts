/** What the Ready condition of a Node says; Unknown is what kube-controller-manager writes when its kubelet is silent. */
export type Ready = 'True' | 'False' | 'Unknown';

/** One peer that probes the node in question. */
export interface Voter {
  ready: Ready;
  /** `stale`: it did not write lately, or never. */
  vote: 'unreachable' | 'reachable' | 'stale';
}

/**
 * - `connected`: its kubelet reports to the cloud; kube's rules hold as they are.
 * - `cut-off`: silent, and nobody proved that it is dead: its pods stay.
 * - `lost`: silent, and most of its peers that reach the cloud say that they do not reach it either.
 */
export type Verdict = 'connected' | 'cut-off' | 'lost';

/**
 * The vote rule. Those who reach the cloud decide: peers whose own Node is Ready. A node is lost when more than half of
 * them, and at least `minimumVotes`, say so in votes that are not stale. A peer that says nothing counts against it, and
 * where nobody votes (a site of one, a whole site cut off) nobody is lost.
 */
export function verdictOn(ready: Ready, voters: readonly Voter[], minimumVotes: number): Verdict {
  if (ready !== 'Unknown') return 'connected';
  const electorate = voters.filter((voter) => voter.ready === 'True');
  const votes = electorate.filter(({ vote }) => vote === 'unreachable').length;
  return votes >= Math.max(1, minimumVotes) && votes * 2 > electorate.length ? 'lost' : 'cut-off';
}
