import type { Emit } from './events.ts';

/** What the engine hands to a phase beside its context. */
export interface PhaseRun {
  /** Aborted by Ctrl-C or a deadline; every wait and child process takes it. */
  signal: AbortSignal;
  emit: Emit;
  /** Reports progress of this phase; see the `progress` event. */
  progress(step: string, amount?: { done: number; total: number; unit: 'bytes' | 'items' }): void;
}

/** Why a phase cannot run on this machine now, and what to do about it. */
export interface Unmet {
  reason: string;
  hint: string;
}

/**
 * A phase is data: from a list of phases come the order, the `phase` sub-commands, `--skip-phases`, the help,
 * the dry run and the progress tree. `C` is the context of the command (init, join, reset).
 * A phase states what it needs of the machine, never which phase ran before it, so that each runs alone.
 */
export interface Phase<C> {
  /** The last part of its name, as kubeadm writes them: lower-case words joined by `-`. */
  name: string;
  /** One line for help and progress. */
  short: string;
  /** More help for `edgeadm init phase NAME --help`. */
  long?: string;
  example?: string;
  aliases?: readonly string[];
  /** Phases below this one, addressed as `name/child`. */
  phases?: readonly Phase<C>[];
  /** Runs only when named (`certs/all`-like helpers and kubeadm's own children of one joint run). */
  onlyByName?: boolean;
  /** Machine state that it lacks, or undefined when it can run. */
  requires?(ctx: C): Promise<Unmet | undefined>;
  /** A reason not to run in this context (edge disabled, runtime ignored), or undefined. */
  skip?(ctx: C): string | undefined;
  /** Does the work. Returns whether anything had to be changed. A phase with children needs no run of its own. */
  run?(ctx: C, run: PhaseRun): Promise<boolean>;
}
