import type { CommandResult } from '../host/host.ts';
import type { NodeState } from './types.ts';

/** Labels that a provider keeps with a network or a node; the only state that a playground has. */
export type Labels = Readonly<Record<string, string>>;

export interface Mount {
  /** Absolute path on this machine. */
  source: string;
  /** Absolute path in the node. */
  target: string;
  readOnly: boolean;
}

export interface NodeRequest {
  /** Also the host name. */
  name: string;
  network: string;
  address: string;
  macAddress: string;
  image: string;
  labels: Labels;
  mounts: readonly Mount[];
}

export interface ProvidedNode {
  name: string;
  state: NodeState;
  labels: Labels;
  /** RFC 3339. */
  created: string;
  /** Process ID, on this machine, of the node's PID 1; undefined when it does not run. */
  pid: number | undefined;
}

export interface ProvidedNetwork {
  name: string;
  subnets: readonly string[];
  labels: Labels;
  created: string;
}

export interface ExecOptions {
  /** Text, or a file of this machine to read from. */
  input?: string | { path: string };
  env?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
  /** Default 120 000. */
  timeoutMs?: number;
  onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
  /** Return a non-zero exit instead of throwing. */
  allowFailure?: boolean;
  /** Values that must not appear in a log or an error. */
  secrets?: readonly string[];
}

/**
 * What makes nodes out of this machine: containers today, virtual machines perhaps tomorrow. A node is a Linux that
 * boots systemd, with a disk and addresses that outlive its reboots. Everything that it makes carries labels, and only
 * what carries them is listed, changed or removed.
 *
 * Errors: E_COMMAND (paste-ready command and output), E_COMMAND_MISSING, E_TIMEOUT, E_INTERRUPTED.
 */
export interface Provider {
  readonly name: string;
  /** Whether an image of that name is here. */
  hasImage(image: string): Promise<boolean>;
  /** Makes an image of a tar file of a root file system. */
  importImage(image: string, tarFile: string, signal?: AbortSignal): Promise<void>;
  /** Names of images that begin with `prefix` and that no node uses. */
  unusedImages(prefix: string): Promise<string[]>;
  removeImage(image: string): Promise<void>;
  /** Writes an image of this machine's own store as an OCI archive. */
  saveImage(image: string, tarFile: string, signal?: AbortSignal): Promise<void>;

  networks(): Promise<ProvidedNetwork[]>;
  /** A closed network: its nodes and this machine (at `machineAddress`) reach each other and nothing else. */
  createNetwork(network: {
    name: string;
    subnet: string;
    machineAddress: string;
    labels: Labels;
  }): Promise<void>;
  removeNetwork(name: string): Promise<void>;

  /** Nodes with the playground label. */
  nodes(): Promise<ProvidedNode[]>;
  /** Whether something, labelled or not, has that name already. */
  isTaken(name: string): Promise<boolean>;
  /** Makes and boots a node; returns before it has booted. */
  createNode(node: NodeRequest, signal?: AbortSignal): Promise<void>;
  startNode(name: string): Promise<void>;
  /** Shuts down and boots; `powerCut` kills everything at once instead of shutting down. */
  rebootNode(name: string, options: { powerCut: boolean; signal?: AbortSignal }): Promise<void>;
  /** Kills and removes nodes with their disks. */
  removeNodes(names: readonly string[]): Promise<void>;

  /** Runs a program in a node. An abort also ends the program in the node. */
  exec(node: string, command: readonly [string, ...string[]], options?: ExecOptions): Promise<CommandResult>;
  /** Runs a program in a node on this process' own standard streams; returns its exit code. */
  attach(
    node: string,
    command: readonly [string, ...string[]],
    options?: { env?: Readonly<Record<string, string>>; signal?: AbortSignal },
  ): Promise<number>;
  /** Path on this machine of the disk that a node has at /var. */
  diskOf(node: string): Promise<string | undefined>;
  /** Path on this machine of a running node's root directory. Absolute links below it must not be followed. */
  rootOf(node: ProvidedNode): string | undefined;
}
