import { randomUUID } from 'node:crypto';
import { execute, searchPath } from '../host/command.ts';
import type { Command, CommandResult } from '../host/host.ts';
import type { Emit } from '../workflow/events.ts';

/** Runs a program on this machine. Errors as `execute`: E_COMMAND, E_COMMAND_MISSING, E_TIMEOUT, E_INTERRUPTED. */
export type Run = (command: Command, options?: { allowFailure?: boolean }) => Promise<CommandResult>;

/** What programs need of the user's environment: where things are, and the way to a package registry. */
const kept = /^(?:home|tmpdir|xdg_.*|(?:https?|ftp|all|no)_proxy|go.*|ssl_cert_.*|debian_frontend)$/i;

/** A runner with the user's PATH, home and proxies; commands are shown at verbosity 3, their output at 4. */
export function machineRunner(emit: Emit, env: NodeJS.ProcessEnv = process.env): Run {
  const path = [env.PATH, searchPath].filter(Boolean).join(':');
  const passed = Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] => kept.test(entry[0]) && entry[1] !== undefined,
    ),
  );
  const run = randomUUID();
  return (command, { allowFailure = false } = {}) =>
    execute({ ...command, env: { ...passed, ...command.env } }, { emit, path, run, level: 3, allowFailure });
}
