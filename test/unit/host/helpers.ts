import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { searchPath } from '../../../src/host/command.ts';
import type { LocalHost } from '../../../src/host/local.ts';
import { type OpenHostOptions, openHost } from '../../../src/host/open.ts';
import type { Event } from '../../../src/workflow/events.ts';

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

export interface SnapshotOptions {
  /** Paths (from the root, with a leading slash) that are left out with all below. */
  without?: readonly string[];
}

/** Every path below a directory with type, mode, owner, and content hash or link target: two equal ones mean nothing changed. */
export async function snapshot(root: string, options: SnapshotOptions = {}): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const walk = async (at: string): Promise<void> => {
    if (options.without?.includes(at)) return;
    const real = path.join(root, at);
    const facts = await fs.lstat(real);
    const base = `${(facts.mode & 0o7777).toString(8)} ${facts.uid}:${facts.gid}`;
    if (facts.isSymbolicLink()) found[at] = `link ${await fs.readlink(real)}`;
    else if (facts.isDirectory()) {
      found[at] = `dir ${base}`;
      for (const name of (await fs.readdir(real)).sort()) await walk(path.posix.join(at, name));
    } else if (facts.isFile()) {
      const hash = createHash('sha256')
        .update(await fs.readFile(real))
        .digest('hex')
        .slice(0, 16);
      found[at] = `file ${base} ${facts.size} ${hash}`;
    } else found[at] = `other ${base} ${facts.mode >> 12}`;
  };
  await walk('/');
  return found;
}

export const never = new AbortController().signal;

/** Whether tests may make mount and network namespaces here (root, or a container that allows it). */
export const canUnshare =
  spawnSync('unshare', ['--net', '--mount', '--propagation', 'private', 'true'], { stdio: 'ignore' })
    .status === 0;
