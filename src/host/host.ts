import type { Emit } from '../workflow/events.ts';

/** A program and its arguments; never a shell string. */
export interface Command {
  file: string;
  args?: readonly string[];
  /** Added to a minimal environment (PATH, HOME, LANG=C). */
  env?: Readonly<Record<string, string>>;
  cwd?: string;
  /** Standard input: text, a file to read it from, or the output of another command (a pipe; both must succeed). */
  input?: string | { path: string } | { command: Pick<Command, 'file' | 'args' | 'cwd'> };
  /** Milliseconds; default 120 000. On expiry the process group is killed and E_TIMEOUT thrown. */
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Arguments (by index) and values that must not appear in a log or an error. */
  secrets?: readonly string[];
  /** Called with each line of output as it comes. */
  onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
}

export interface CommandResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

export interface FileFacts {
  kind: 'file' | 'directory' | 'symlink' | 'other';
  /** Permission bits, e.g. 0o644. */
  mode: number;
  size: number;
  uid: number;
  gid: number;
  /** Target of a symlink. */
  target?: string;
}

/** A command that changes the host, and how that is taken back. */
export interface Change {
  /** Key in the journal, e.g. `kubeadm-init`; the same work always has the same key. */
  key: string;
  /** What it does, for the dry run and the log, e.g. `import 9 images`. */
  summary: string;
  /** Run by `undo` in reverse order; left out when claims (`claimTree`, `claimNetwork`) cover it. */
  undo?: Command;
  /** Skip when the journal says that it finished before (default true). */
  once?: boolean;
}

/** What network undo cannot tell to be ours by its name. */
export interface NetworkClaim {
  /** CIDRs of pods: routes into them that were not there (flannel host-gw) are removed. */
  podSubnets?: readonly string[];
  /** Addresses that programs put on links of the host (kube-vip's VIP), without prefix length. */
  addresses?: readonly string[];
}

/** Where a journaled piece of work stands. */
export type WorkState = 'absent' | 'started' | 'done';

/**
 * A machine to work on. Every change goes through here and is journaled before it is made; the same calls in a dry
 * run change nothing and emit `change` events with `planned: true`. All changing calls are idempotent: they compare
 * with what is there, and return false (and journal nothing) when nothing had to be done.
 *
 * Errors: E_HOST_WRITE (path and errno named: full disk, read-only, permission), E_COMMAND (exit status, paste-ready
 * command, last lines of output), E_COMMAND_MISSING, E_TIMEOUT, E_JOURNAL.
 */
export interface Host {
  readonly name: string;
  readonly dryRun: boolean;
  readonly emit: Emit;

  // Reading. Never journaled, allowed in a dry run.
  readText(path: string): Promise<string | undefined>;
  stat(path: string): Promise<FileFacts | undefined>;
  /** Names in a directory, sorted; empty when it does not exist. */
  list(path: string): Promise<string[]>;
  /** Runs a command that changes nothing. Throws on a non-zero exit unless `allowFailure`. */
  query(command: Command, options?: { allowFailure?: boolean }): Promise<CommandResult>;

  // Changing.
  /** Atomic (temporary file, fsync, rename). `secret` keeps the content out of plans and logs. Parents are made. */
  writeFile(
    path: string,
    content: string | Uint8Array,
    options?: { mode?: number; secret?: boolean },
  ): Promise<boolean>;
  /** Puts a file of this machine (an unpacked package) in place: hard link where possible, else copy. `sha256` saves hashing it again. */
  installFile(source: string, path: string, options?: { mode?: number; sha256?: string }): Promise<boolean>;
  makeDirectory(path: string, options?: { mode?: number }): Promise<boolean>;
  symlink(target: string, path: string): Promise<boolean>;
  /** Removes a file, a symbolic link, or a directory with all that is in it; undo puts all of it back. */
  remove(path: string): Promise<boolean>;
  /** Keeps `lines` between `# BEGIN edgeadm <marker>` and `# END edgeadm <marker>`, leaving the rest of the file alone; no lines removes the block. */
  editBlock(path: string, marker: string, lines: readonly string[]): Promise<boolean>;
  setSysctl(key: string, value: string): Promise<boolean>;
  loadModule(name: string): Promise<boolean>;
  /**
   * Makes systemd read new or changed units, enables and (re)starts one. `restart` forces a restart of a running one.
   * `version`, a fingerprint of its configuration, is journaled: a running unit whose last one differs is restarted, also
   * when a crash came between the change of its files and the restart.
   */
  enableUnit(
    unit: string,
    options?: { start?: boolean; restart?: boolean; version?: string },
  ): Promise<boolean>;
  disableUnit(unit: string, options?: { stop?: boolean }): Promise<boolean>;
  run(command: Command, change: Change): Promise<CommandResult>;

  // What programs that we start (kubeadm, kubelet, containerd, CNI) will change by themselves.
  /**
   * Records what is below a directory before others write there. Undo unmounts what is mounted below it, removes what
   * was not there, and puts back what was changed or removed. `content` also keeps the files' bytes (configuration);
   * without it only names are recorded (data directories).
   */
  claimTree(path: string, options?: { content?: boolean }): Promise<boolean>;
  /** Records links, routes, iptables and nft rules; undo removes only Kubernetes' and the CNI's own that were not there. */
  claimNetwork(claim?: NetworkClaim): Promise<boolean>;
  /** Records the named sysctls' values, which programs will change; undo sets them back. */
  claimSysctls(keys: readonly string[]): Promise<boolean>;

  /** State of a journaled piece of work by key (`run` uses the same keys). */
  state(key: string): WorkState;
  /** Journals a piece of work that is more than one command: intent before, done after. Not called again once done. */
  once(key: string, summary: string, work: () => Promise<void>): Promise<boolean>;
  /** Runs changes that stand or fall together: when `work` throws, what it touched for the first time is undone before the error goes on. */
  allOrNothing<T>(work: () => Promise<T>): Promise<T>;
  /** Facts that later runs need (digest of the package, hash of the config a cluster was made with). */
  remember(key: string, value: unknown): Promise<void>;
  recall<T>(key: string): T | undefined;
}

/** What `reset` needs beyond Host. */
export interface JournaledHost extends Host {
  /** Undoes every journaled change in reverse order, the newest first; each undone entry is marked, so that it can be run again after a crash. */
  undoAll(options: {
    signal: AbortSignal;
    keep?: (key: string) => boolean;
  }): Promise<{ undone: number; warnings: string[] }>;
  /** Removes the journal itself and releases the lock. Call last. With changes not undone the journal stays, unless forced. */
  forget(options?: { force?: boolean }): Promise<void>;
  /** Releases the lock. A journal that this run began, and in which nothing is left to undo, goes away. */
  close(): Promise<void>;
}
