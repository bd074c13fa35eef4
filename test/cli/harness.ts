import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Readable } from 'node:stream';
import { onTestFinished } from 'vitest';
import { main } from '../../src/cli.ts';
import type { Io, Signal } from '../../src/commands/io.ts';
import { type Recorder, recorder } from '../fakes/terminal.ts';

export interface RunOptions {
  /** Standard input; a terminal when a list of lines that a person types. */
  input?: string | string[];
  env?: Record<string, string>;
  cwd?: string;
  /** Default 0, root. */
  uid?: number;
  /** Makes stderr a terminal of this width. */
  columns?: number;
}

export interface Finished {
  code: number;
  stdout: string;
  stderr: string;
  /** Lines of stdout as JSON. */
  events(): { type: string; [field: string]: unknown }[];
  /** The error of the last event. */
  error(): { code: string; message: string; hint?: string; exitCode: number };
}

export interface Running {
  finished: Promise<Finished>;
  send(signal: Signal): void;
  /** Exit code that it asked to quit with. */
  quitWith(): number | undefined;
  stdout: Recorder;
  stderr: Recorder;
}

/** Runs a command line in this process, on streams of its own. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return start(argv, options).finished;
}

export function start(argv: readonly string[], options: RunOptions = {}): Running {
  const stdout = recorder();
  const stderr = recorder(options.columns === undefined ? {} : { isTTY: true, columns: options.columns });
  const listeners = new Set<(signal: Signal) => void>();
  let quit: number | undefined;
  const input = options.input ?? '';
  const io: Io = {
    stdin: Object.assign(
      Readable.from(typeof input === 'string' ? [input] : input.map((line) => `${line}\n`)),
      {
        isTTY: typeof input !== 'string',
      },
    ),
    stdout,
    stderr,
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', NO_COLOR: '1', ...options.env },
    cwd: options.cwd ?? '/',
    uid: options.uid ?? 0,
    onSignal(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    quit(code) {
      quit = code;
    },
  };
  const finished = main(argv, io).then((code) => {
    const events = () => stdout.lines().map((line) => JSON.parse(line) as { type: string });
    return {
      code,
      stdout: stdout.text(),
      stderr: stderr.text(),
      events,
      error: () => (events().at(-1) as unknown as { error: ReturnType<Finished['error']> }).error,
    };
  });
  return {
    finished,
    stdout,
    stderr,
    send: (signal) => {
      for (const listener of listeners) listener(signal);
    },
    quitWith: () => quit,
  };
}

/** A folder that is gone after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'edgeadm-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * A folder in front of PATH with programs that are shell scripts. Each call is added to `calls` in it, one line an
 * argument, then a line of dashes.
 */
export async function fakePrograms(
  scripts: Record<string, string>,
): Promise<{ env: Record<string, string>; folder: string }> {
  const folder = await temporaryFolder();
  for (const [name, script] of Object.entries(scripts)) {
    const file = join(folder, name);
    await writeFile(file, `#!/bin/sh\nprintf '%s\\n' "$@" --- >> '${join(folder, 'calls')}'\n${script}\n`);
    await chmod(file, 0o755);
  }
  return { folder, env: { PATH: `${folder}${delimiter}/usr/sbin:/usr/bin:/sbin:/bin` } };
}
