import { mkdir, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { execute, searchPath } from '../../src/host/command.ts';
import { replaceFile } from '../../src/host/files/replace.ts';
import type { Command, CommandResult } from '../../src/host/host.ts';
import type { Emit } from '../../src/workflow/events.ts';

/**
 * The node as a drill changes it. Not the Host seam: a drill cleans up after itself, and must neither hold the lock that
 * `edgeadm reset` needs to end it, nor leave its passing files in the journal.
 */
export interface DrillMachine {
  run(command: Command, options?: { allowFailure?: boolean }): Promise<CommandResult>;
  read(path: string): Promise<string | undefined>;
  /** Atomic and durable; parents are made. */
  write(path: string, content: string): Promise<void>;
  /** A path that is not there is no error. */
  remove(path: string): Promise<void>;
  /** Milliseconds since 1970. */
  now(): number;
  /** Resolves early, without an error, when aborted. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
}

/** This machine. */
export function localMachine(emit: Emit): DrillMachine {
  return {
    run: (command, { allowFailure = false } = {}) =>
      execute(
        { timeoutMs: 15_000, ...command },
        { emit, path: searchPath, run: 'drill', level: 3, allowFailure },
      ),
    read: (path) =>
      readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      }),
    async write(path, content) {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await replaceFile(path, { bytes: Buffer.from(content) }, { mode: 0o644 });
    },
    remove: (path) => rm(path, { force: true }),
    now: Date.now,
    pause: (ms, signal) => setTimeout(ms, undefined, { signal }).catch(() => {}),
  };
}
