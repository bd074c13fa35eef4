/**
 * The one error family. A failure that a user can meet is an EdgeadmError with a stable code;
 * anything else that reaches the CLI is a defect of edgeadm and is reported as such (E_INTERNAL).
 */

/** Exit codes are kubeadm's (cmd/kubeadm/app/util/error.go). */
export type ExitCode = 1 | 2 | 3;

/**
 * Every stable code, its exit code and what it stands for in a few words.
 * docs/troubleshooting.md has one section per code; a test holds the two together.
 */
export const errorCodes = {
  E_INTERNAL: { exit: 1, title: 'a defect in edgeadm itself' },
  E_INTERRUPTED: { exit: 1, title: 'stopped by a signal' },
  E_USAGE: { exit: 3, title: 'a flag, argument or command that is not understood' },
  E_PHASE_UNKNOWN: { exit: 3, title: 'no phase of that name' },
  E_PHASE_CONFLICT: { exit: 3, title: 'a phase both chosen and skipped' },
  E_PHASE_STATE: { exit: 1, title: 'the machine is not in the state a phase needs' },
  E_CONFIG_INVALID: { exit: 3, title: 'a configuration value that is not valid' },
  E_CONFIG_YAML: { exit: 3, title: 'a configuration file that is not valid YAML' },
  E_CONFIG_FIELD: { exit: 3, title: 'a configuration field that does not exist' },
  E_PREFLIGHT: { exit: 2, title: 'a preflight check that failed' },
  E_COMMAND: { exit: 1, title: 'a command that failed on the host' },
  E_COMMAND_MISSING: { exit: 1, title: 'a program that is not on the host' },
  E_TIMEOUT: { exit: 1, title: 'a wait that reached its deadline' },
  E_HOST_WRITE: { exit: 1, title: 'a change to the host that the system refused' },
  E_HOST_BUSY: { exit: 1, title: 'another edgeadm at work on this host' },
  E_JOURNAL: { exit: 1, title: 'a journal that cannot be read or written' },
  E_PACKAGE_SOURCE: { exit: 1, title: 'an install package that cannot be fetched or opened' },
  E_PACKAGE_CORRUPT: { exit: 1, title: 'an install package whose content is not what its manifest says' },
  E_PACKAGE_HOSTILE: { exit: 1, title: 'an install package with an entry that must not be unpacked' },
  E_PACKAGE_SIGNATURE: { exit: 1, title: 'an install package whose signature is missing or wrong' },
  E_PACKAGE_MISMATCH: { exit: 1, title: 'an install package for another architecture or version' },
  E_PACKAGE_INCOMPLETE: { exit: 1, title: 'an install package that lacks what the configuration needs' },
  E_PACKAGE_BUILD: { exit: 1, title: 'an install package that could not be built' },
  E_DISCOVERY: { exit: 1, title: 'a cluster that could not be found or trusted' },
  E_KUBEADM: { exit: 1, title: 'a kubeadm run that failed' },
  E_KUBE_API: { exit: 1, title: 'an API request that the cluster refused' },
  E_ROLLOUT: { exit: 1, title: 'a workload that did not become ready' },
  E_EDGE_NODE: { exit: 1, title: 'an edge node whose own services do not come up' },
  E_PLAYGROUND: { exit: 1, title: 'a playground operation that failed' },
  E_PLAYGROUND_HOST: { exit: 2, title: 'a machine that cannot run playground nodes' },
} as const satisfies Record<string, { exit: ExitCode; title: string }>;

export type ErrorCode = keyof typeof errorCodes;

export interface ErrorOptions {
  /** What to do next, as one or more short sentences or commands. */
  hint?: string;
  /** Name of the host it happened on, when it is not obvious. */
  host?: string;
  /** Lines that belong to the failure: output of a command, a list of failed checks. */
  details?: string[];
  cause?: unknown;
}

/** A failure that a user can act on. `message` is lower-case and names the value or command at fault. */
export class EdgeadmError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly host: string | undefined;
  readonly details: readonly string[];

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'EdgeadmError';
    this.code = code;
    this.hint = options.hint;
    this.host = options.host;
    this.details = options.details ?? [];
  }

  get exitCode(): ExitCode {
    return errorCodes[this.code].exit;
  }
}

/** Turns anything thrown into an EdgeadmError; what is not one already becomes E_INTERNAL (or E_INTERRUPTED for an abort). */
export function toEdgeadmError(thrown: unknown): EdgeadmError {
  if (thrown instanceof EdgeadmError) return thrown;
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  if (error.name === 'AbortError') {
    return new EdgeadmError('E_INTERRUPTED', 'interrupted', {
      hint: 'Run the same command again to go on, or `edgeadm reset` to undo.',
      cause: error,
    });
  }
  return new EdgeadmError('E_INTERNAL', `internal error: ${error.message}`, {
    hint: 'This is a defect in edgeadm. Run again with -v=5 and report the output.',
    cause: error,
  });
}
