import { spawnSync } from 'node:child_process';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished, vi } from 'vitest';
import { searchPath } from '../../../src/host/command.ts';
import type { LocalHost } from '../../../src/host/local.ts';
import { type OpenHostOptions, openHost } from '../../../src/host/open.ts';
import type { Event } from '../../../src/workflow/events.ts';

// Programs are started by the dozen; a busy machine may take its time.
vi.setConfig({ testTimeout: 60_000 });

/** A directory that is gone after the test. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await fs.mkdtemp(path.join(os.tmpdir(), 'edgeadm-host-'));
  onTestFinished(() => fs.rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A root for `openHost` with the directories that every machine has. */
export async function temporaryRoot(): Promise<string> {
  const root = await temporaryDirectory();
  for (const directory of ['etc', 'run', 'var/lib', 'var/backups', 'usr/local/bin', 'bin']) {
    await fs.mkdir(path.join(root, directory), { recursive: true });
  }
  return root;
}

export interface Opened {
  host: LocalHost;
  events: Event[];
}

/** A host in `root`; programs in `<root>/bin` come before the machine's. Closed after the test. */
export async function open(root: string, options: Partial<OpenHostOptions> = {}): Promise<Opened> {
  const events: Event[] = [];
  const host = await openHost({
    emit: (event) => events.push(event),
    command: 'edgeadm test',
    root,
    searchPath: `${path.join(root, 'bin')}:${searchPath}`,
    ...options,
  });
  onTestFinished(() => host.close());
  return { host, events };
}

/** Puts an executable script into `<root>/bin`. */
export async function program(root: string, name: string, script: string): Promise<void> {
  await fs.mkdir(path.join(root, 'bin'), { recursive: true });
  await fs.writeFile(path.join(root, 'bin', name), script, { mode: 0o755 });
}

export const never = new AbortController().signal;

/** Whether tests may make mount and network namespaces here (root, or a container that allows it). */
export const canUnshare =
  spawnSync('unshare', ['--net', '--mount', '--propagation', 'private', 'true'], { stdio: 'ignore' })
    .status === 0;
