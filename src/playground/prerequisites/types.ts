import type { Machine } from '../machine.ts';

/** What is about to be done, as far as it asks something of the machine. */
export interface Needs {
  controlPlanes: number;
  /** Workers and edge nodes. */
  others: number;
  /** Nodes get no cluster. */
  bare: boolean;
  buildPackage: boolean;
  buildImage: boolean;
  /** Where packages are kept. */
  cacheDirectory: string;
}

/** Something the machine lacks. */
export interface Finding {
  /** `podman is not installed` */
  problem: string;
  /** What a person can do about it. */
  fix: string;
  /** How edgeadm itself can do it. */
  repair?: {
    /** Shown to the user: `install the Debian packages podman, runc`. */
    summary: string;
    apply(progress: (step: string, percent?: number) => void, signal: AbortSignal): Promise<void>;
  };
}

export interface Check {
  name: string;
  find(machine: Machine, needs: Needs): Promise<Finding | undefined>;
}
