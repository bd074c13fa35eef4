/** What a node is for; its name is made of it. */
export type NodeRole = 'control-plane' | 'worker' | 'edge';

/** `created` and `exited` nodes have no processes; `paused` ones are frozen. */
export type NodeState = 'running' | 'paused' | 'created' | 'exited';

/** A node as it is planned. */
export interface NodePlan {
  /** Container name and host name: `playground-edge-1`. */
  name: string;
  /** The name without the playground: `edge-1`. */
  short: string;
  role: NodeRole;
  /** IPv4 address that it keeps over reboots. */
  address: string;
  /** Kept over reboots too, as a real network card's is. */
  macAddress: string;
  /** Nodes of one site reach each other while one of them is disconnected. `cloud` for what is no edge node. */
  site: string;
}

/** A node as it is. */
export interface PlaygroundNode extends NodePlan {
  playground: string;
  state: NodeState;
  /** Cut off by `playground disconnect`. Unknown, and so false, for a node that does not run. */
  disconnected: boolean;
}

export interface Playground {
  name: string;
  network: string;
  /** IPv4 CIDR, a /24. */
  subnet: string;
  /** RFC 3339. */
  created: string;
  /** Only boots nodes; nothing was installed on them. */
  bare: boolean;
  /** Of the package the nodes were given, `v1.36.3`. */
  kubernetesVersion: string | undefined;
  /** SHA-256 of that package's manifest, hex. */
  packageDigest: string | undefined;
  /** Sorted: control planes, workers, edge nodes. */
  nodes: PlaygroundNode[];
}
