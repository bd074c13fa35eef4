/**
 * What the controller and the nodes say to each other: the controller tells each node its peers in a ConfigMap, a node
 * votes in an annotation of its own CSINode.
 *
 * Why a CSINode: the API server itself lets a node's credential write only the CSINode of its own name (node authorizer
 * and NodeRestriction, k8s.io/kubernetes/plugin/pkg/auth/authorizer/node), every Ready node has one, and hardly anything
 * else may write it. A Node's annotations can be written with nodes/status, which flannel's ServiceAccount may on every
 * node; a Lease in kube-node-lease is the kubelet's, which logs an error for each write that is not its own.
 */
export const voteAnnotation = 'edgeadm.superedge.io/unreachable-peers';

/** Namespace of the ConfigMaps with peers, one for each edge node and named as it. */
export const peersNamespace = 'edgeadm-health';
export const peersKey = 'peers.json';

/** Where the health part of an edge node answers its peers. */
export const defaultHealthPort = 51005;

/** Seconds between two writes of a vote that names somebody; one of nobody is written once. */
export const voteRefreshSeconds = 20;
/** Seconds after which a vote that was not written again does not count. */
export const voteLifetimeSeconds = 60;

export interface Peer {
  name: string;
  /** The first internal address of its Node. */
  address: string;
}

/** What a node is told: whom to probe, how often. */
export interface Peers {
  probeSeconds: number;
  peers: Peer[];
}

/** `turn` differs in each writing, so that a reader sees by its own clock that the voter is alive. */
export interface Vote {
  turn: string;
  unreachable: readonly string[];
}

export function formatVote({ turn, unreachable }: Vote): string {
  return JSON.stringify({ turn, unreachable });
}

/** undefined for what is no vote. */
export function parseVote(text: string | undefined): Vote | undefined {
  const vote = parse(text) as Partial<Vote> | undefined;
  if (typeof vote?.turn !== 'string' || !isTexts(vote.unreachable)) return undefined;
  return { turn: vote.turn, unreachable: vote.unreachable };
}

export function formatPeers({ probeSeconds, peers }: Peers): string {
  return JSON.stringify({ probeSeconds, peers: peers.map(({ name, address }) => ({ name, address })) });
}

/** undefined for what no controller of ours wrote. */
export function parsePeers(text: string | undefined): Peers | undefined {
  const read = parse(text) as Partial<Peers> | undefined;
  const { probeSeconds, peers } = read ?? {};
  if (typeof probeSeconds !== 'number' || !(probeSeconds > 0) || !Array.isArray(peers)) return undefined;
  if (!peers.every((peer) => typeof peer?.name === 'string' && typeof peer.address === 'string'))
    return undefined;
  return { probeSeconds, peers: peers.map(({ name, address }) => ({ name, address })) };
}

function parse(text: string | undefined): unknown {
  try {
    const value: unknown = JSON.parse(text ?? '');
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
