import { mkdir, readdir, rm, stat, utimes } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { EdgeadmError } from '../errors.ts';
import type { PackageEntry } from '../package/types.ts';
import type { Emit } from '../workflow/events.ts';
import type { Machine } from './machine.ts';
import type { Mount } from './provider.ts';

/** The install package that nodes get, and where it is on this machine. */
export interface NodePackage {
  /** Absolute path of the package as it was given: a file, or a folder that was unpacked from one. */
  location: string;
  isFile: boolean;
  /** Verified and unpacked, for bare nodes only `edgeadm/` of it; never written to again. */
  folder: string;
  digest: string;
  kubernetesVersion: string;
}

/** Where things of the package are in a node. */
const nodeFolder = '/opt/edgeadm';
const programFolder = `${nodeFolder}/program`;
const unpackedFolder = `${nodeFolder}/package`;
/** Node.js of the program, in a node. */
export const programNode = `${programFolder}/node`;

export interface PackageRun {
  machine: Pick<Machine, 'run'>;
  cacheDirectory: string;
  emit: Emit;
  signal: AbortSignal;
  progress(step: string, amount?: { done: number; total: number; unit: 'bytes' | 'items' }): void;
}

/**
 * Opens a package (file or folder) and unpacks it, verified entry by entry, into the cache unless it is there under a
 * seal that holds: all nodes of this machine then share one unpacked copy, read-only. Bare nodes need no more than the
 * program of it. Errors: E_PACKAGE_*.
 */
export async function unpackForNodes(
  location: string,
  { bare }: { bare: boolean },
  run: PackageRun,
): Promise<NodePackage> {
  const path = resolve(location);
  const facts = await stat(path).catch(() => undefined);
  if (!facts) {
    throw new EdgeadmError('E_PACKAGE_SOURCE', `there is no install package ${location}`, {
      hint: 'Give a file or folder of this machine with --package, or leave it out to build one.',
    });
  }
  const { openPackage } = await import('../package/open.ts');
  const opened = await openPackage(path, { emit: run.emit, signal: run.signal });
  const parent = join(run.cacheDirectory, bare ? 'programs' : 'unpacked');
  const folder = join(parent, opened.digest);
  const filter = bare ? { filter: ({ path }: PackageEntry) => path.startsWith('edgeadm/') } : {};
  const { isSealed, sealPackage } = await import('../package/seal.ts');
  if (!(await isSealed(opened, folder, filter))) {
    const { unpackPackage } = await import('../package/unpack.ts');
    await mkdir(parent, { recursive: true, mode: 0o700 });
    await unpackPackage(opened, folder, {
      signal: run.signal,
      onProgress: (done, total) => run.progress('verify and unpack', { done, total, unit: 'bytes' }),
      ...filter,
    });
    await run.machine.run({ file: 'sync', args: ['--file-system', folder], timeoutMs: 900_000 });
    await sealPackage(opened, folder);
  }
  const now = new Date();
  await utimes(folder, now, now);
  return {
    location: path,
    isFile: facts.isFile(),
    folder,
    digest: opened.digest,
    kubernetesVersion: opened.manifest.kubernetesVersion,
  };
}

/** Path in a node of the package to install from. */
export function packagePathInNode(nodePackage: NodePackage): string {
  return nodePackage.isFile ? join(nodeFolder, basename(nodePackage.location)) : unpackedFolder;
}

/** What of the package a node sees: the program, and the package as a user would have copied it there. */
export function packageMounts(nodePackage: NodePackage): Mount[] {
  return [
    { source: join(nodePackage.folder, 'edgeadm'), target: programFolder, readOnly: true },
    {
      source: nodePackage.location,
      target: packagePathInNode(nodePackage),
      readOnly: true,
    },
  ];
}

/** A package that was unpacked or used this recently may be about to be given to nodes by another create. */
const recentMs = 300_000;

/** Removes what was unpacked and kept of packages that no playground uses. */
export async function pruneUnpacked(cacheDirectory: string, used: ReadonlySet<string>): Promise<void> {
  for (const parent of ['unpacked', 'programs', 'seeds'].map((name) => join(cacheDirectory, name))) {
    for (const name of await readdir(parent).catch(() => [])) {
      const path = join(parent, name);
      const digest = name.replace(/\.seal$/, '');
      const facts = await stat(path).catch(() => undefined);
      if (!facts || used.has(digest) || Date.now() - facts.ctimeMs < recentMs) continue;
      await rm(path, { recursive: true, force: true });
    }
  }
}
