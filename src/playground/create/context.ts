import type { KubeDocument } from '../../config/types.ts';
import type { Emit } from '../../workflow/events.ts';
import type { JoinFacts } from '../cluster-config.ts';
import type { Machine } from '../machine.ts';
import type { NodePackage } from '../node-package.ts';
import type { Provider } from '../provider.ts';
import type { NodePlan, Playground } from '../types.ts';
import type { Joins } from './joins.ts';

export interface CreateOptions {
  name: string;
  controlPlanes: number;
  workers: number;
  edges: number;
  /** Groups that the edge nodes are dealt to in turn. */
  sites: number;
  /** Only boot nodes. */
  bare: boolean;
  /** `v1.36.3` or `v1.36`; undefined is the catalogue's default. */
  kubernetesVersion: string | undefined;
  /** File or folder; undefined builds one. */
  packagePath: string | undefined;
}

/** Seconds by what they were spent on. */
export interface Timings {
  total: number;
  /** By phase of create. */
  phases: Record<string, number>;
  /** By node and phase of its `edgeadm init` or `join`. */
  nodes: Record<string, Record<string, number>>;
}

/** What the phases of `playground create` share. */
export interface CreateContext {
  options: CreateOptions;
  /** Documents of --config. */
  documents: readonly KubeDocument[];
  machine: Machine;
  provider: Provider;
  emit: Emit;
  cacheDirectory: string;
  /** Builds an install package; returns its path. */
  buildPackage: BuildPackage;
  /** The playground when it was there before (a create that is run again). */
  existing: Playground | undefined;

  /** Warnings that a node has given. */
  warned: Set<string>;

  // Set by the phases, in order.
  nodePackage?: NodePackage;
  image?: string;
  subnet?: string;
  nodes?: NodePlan[];
  /** What the first control plane was told to be made of. */
  initDocuments?: KubeDocument[];
  join?: JoinFacts;
  /** By name of a node: whether it is prepared for its join, once that has ended. Never rejects. */
  prepared?: ReadonlyMap<string, Promise<boolean>>;
  /** Joins that have begun; those of a whole run begin while init still waits for the network. */
  joins?: Joins;
  timings: Timings['nodes'];
}

export type BuildPackage = (
  options: { kubernetesVersion: string | undefined },
  run: { emit: Emit; signal: AbortSignal },
) => Promise<{ path: string }>;

/** Where a node has the configuration that init or join reads. */
export const configFile = '/var/lib/edgeadm-playground/config.yaml';

/** A value that an earlier phase has set; a defect when it has not. */
export function set<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`${what} is not known yet`);
  return value;
}
