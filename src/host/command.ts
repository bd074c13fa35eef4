import type { Readable } from 'node:stream';
import { EdgeadmError } from '../errors.ts';
import type { Emit } from '../workflow/events.ts';
import { errno, refusing } from './errors.ts';
import type { Command, CommandResult } from './host.ts';
import { collect, watchGroup } from './process.ts';
import { mask, quoteCommand } from './quote.ts';

export const searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const defaultTimeoutMs = 120_000;
const tailLines = 20;

export interface Surroundings {
  emit: Emit;
  /** Value of PATH. */
  path: string;
  /** Identity of this run; every child carries it in EDGEADM_RUN, so that a later run finds what a dead one left. */
  run: string;
  /** Verbosity that shows the command itself; its output is one level higher. */
  level: number;
  allowFailure?: boolean;
}

type Source = Pick<Command, 'file' | 'args' | 'cwd'>;

/**
 * Runs a program in a process group of its own with a minimal environment. Ctrl-C (the signal) and the time-out stop the
 * whole group: SIGTERM, then SIGKILL. A command as input runs beside it, its output going straight into the other's input.
 * Errors: E_COMMAND (paste-ready command, status, last lines), E_COMMAND_MISSING, E_TIMEOUT, E_INTERRUPTED.
 */
export async function execute(command: Command, around: Surroundings): Promise<CommandResult> {
  command.signal?.throwIfAborted();
  const { input } = command;
  if (typeof input !== 'object') {
    return (await start(command, around, input === undefined ? { stdin: 'ignore' } : { input })).result;
  }
  if ('path' in input) return withFile(command, input.path, around);
  const { timeoutMs, signal, secrets = [] } = command;
  const shared = { timeoutMs, signal, secrets } as Pick<Command, 'timeoutMs' | 'signal' | 'secrets'>;
  const source = await start(
    { ...input.command, ...shared },
    { ...around, allowFailure: false },
    { stdin: 'ignore' },
    true,
  );
  if (!source.started) return source.result;
  const target = await start(command, around, { stdin: source.output as Readable });
  // The reader alone holds the pipe now: when it ends first, the writer has nobody to write to.
  source.output?.destroy();
  const [written, read] = await Promise.allSettled([source.result, target.result]);
  if (read.status === 'rejected') throw read.reason;
  if (written.status === 'rejected') throw written.reason;
  return read.value;
}

type Stdin = { stdin: 'ignore' | Readable | 3 } | { input: string };

interface Started {
  result: Promise<CommandResult>;
  /** Standard output, when it is not read here. */
  output: Readable | null;
  /** False when the program could not be started; `result` says why. */
  started: boolean;
}

async function start(command: Command, around: Surroundings, stdin: Stdin, piped = false): Promise<Started> {
  const { execa } = await import('execa');
  const shown = quoteCommand(
    command.file,
    (command.args ?? []).map((word) => mask(word, command.secrets)),
  );
  around.emit({ type: 'log', level: around.level, message: `$ ${shown}`, source: command.file });

  const child = execa(command.file, [...(command.args ?? [])], {
    env: {
      PATH: around.path,
      HOME: process.env.HOME ?? '/root',
      LANG: 'C',
      LC_ALL: 'C',
      ...command.env,
      EDGEADM_RUN: around.run,
    },
    extendEnv: false,
    ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
    ...stdin,
    detached: true,
    cleanup: false,
    reject: false,
    buffer: false,
  });

  const tail: string[] = [];
  const read = (stream: 'stdout' | 'stderr'): (() => string) =>
    collect(child[stream] as Readable | null, (line) => {
      const masked = mask(line, command.secrets);
      tail.push(masked);
      if (tail.length > tailLines) tail.shift();
      around.emit({ type: 'log', level: around.level + 1, message: masked, source: command.file });
      command.onLine?.(line, stream);
    });
  const stdout = piped ? () => '' : read('stdout');
  const stderr = read('stderr');
  const timeoutMs = command.timeoutMs ?? defaultTimeoutMs;
  const group = watchGroup(child.nodeChildProcess, { timeoutMs, signal: command.signal });

  const finish = async (): Promise<CommandResult> => {
    try {
      const end = await child;
      const texts = { stdout: stdout(), stderr: stderr() };
      const why = group.why();
      if (why === 'timeout') throw timedOut(command, shown, tail, timeoutMs);
      if (why === 'signal') throw interrupted(command, shown, tail);
      if (end.exitCode === undefined && end.signal === undefined)
        throw await notStarted(command, around, shown, end);
      const accepted = end.exitCode === 0 || (around.allowFailure === true && end.exitCode !== undefined);
      if (!accepted) throw failed(shown, tail, end);
      return { exitCode: end.exitCode ?? 0, ...texts };
    } finally {
      group.release();
    }
  };
  return { result: finish(), output: child.stdout as Readable | null, started: child.pid !== undefined };
}

/** The program gets the file itself, not a pipe: it can seek, and no byte goes through this process. */
async function withFile(command: Command, path: string, around: Surroundings): Promise<CommandResult> {
  const { open } = await import('node:fs/promises');
  const file = await refusing({ path, action: 'read' }, () => open(path));
  try {
    // Any number will do, though execa's types name only the lowest.
    return await (await start(command, around, { stdin: file.fd as 3 })).result;
  } finally {
    await file.close();
  }
}

function failed(shown: string, tail: string[], end: { exitCode?: number; signal?: string }): EdgeadmError {
  const how =
    end.exitCode === undefined ? `was ended by ${end.signal}` : `failed with exit status ${end.exitCode}`;
  return new EdgeadmError('E_COMMAND', `${shown} ${how}`, {
    hint: `${causeIn(tail)}To try it by hand, paste the command.`,
    details: tail,
  });
}

/** What programs say of a disk (strerror(3)) is worth more than a hint at their output. */
function causeIn(tail: readonly string[]): string {
  const said = (words: string) => tail.some((line) => line.toLowerCase().includes(words));
  if (said('no space left on device'))
    return 'A disk is full: free space on it (see: df -h; df -i) and run the same command again. ';
  if (said('read-only file system'))
    return 'A file system is read-only: make it writable (see: findmnt; dmesg) and run the same command again. ';
  return 'See the last lines of its output. ';
}

function timedOut(command: Command, shown: string, tail: string[], timeoutMs: number): EdgeadmError {
  return new EdgeadmError('E_TIMEOUT', `${shown} did not end within ${timeoutMs / 1000} s and was stopped`, {
    hint: `See the last lines of its output: is the machine overloaded, or does ${command.file} wait for something that does not come?`,
    details: tail,
  });
}

function interrupted(command: Command, shown: string, tail: string[]): EdgeadmError {
  const reason: unknown = command.signal?.reason;
  if (reason instanceof EdgeadmError) return reason;
  const timeout = reason instanceof Error && reason.name === 'TimeoutError';
  const how = timeout ? 'stopped at the deadline' : 'interrupted';
  return new EdgeadmError(timeout ? 'E_TIMEOUT' : 'E_INTERRUPTED', `${shown} was ${how}`, {
    hint: 'Run the same command again to go on, or `edgeadm reset` to undo.',
    details: tail,
    cause: reason,
  });
}

async function notStarted(
  command: Source,
  around: Surroundings,
  shown: string,
  end: unknown,
): Promise<EdgeadmError> {
  const cause = (end as { cause?: unknown }).cause ?? end;
  const code = errno(end) ?? errno(cause);
  if (code === 'ENOENT') {
    const { access } = await import('node:fs/promises');
    const there = await access(command.cwd ?? '/').then(
      () => true,
      () => false,
    );
    if (!there) {
      return new EdgeadmError('E_COMMAND', `${shown} could not start: no directory ${command.cwd}`, {
        cause,
      });
    }
    return new EdgeadmError(
      'E_COMMAND_MISSING',
      `no program ${command.file} on this host (looked in ${around.path})`,
      {
        hint: `Install the package that has ${command.file}, or put it in one of these directories.`,
        cause,
      },
    );
  }
  const hints: Record<string, string> = {
    EACCES: 'Is it executable, and is its file system mounted without noexec? (ls -l, findmnt -T)',
    ENOEXEC: `Is it a program for this machine (${process.arch})?`,
  };
  const hint = hints[code ?? ''];
  return new EdgeadmError('E_COMMAND', `${shown} could not start: ${code ?? String(cause)}`, {
    ...(hint === undefined ? {} : { hint }),
    cause,
  });
}
