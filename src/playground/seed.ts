import { copyFile, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { paths } from '../host/paths.ts';
import { sealPath } from '../package/seal.ts';
import type { Machine } from './machine.ts';
import type { NodePackage } from './node-package.ts';
import type { Provider } from './provider.ts';

/** Where containerd keeps images, below /var. */
const containerdFolder = 'lib/containerd';
const packagesFolder = paths.packages.replace(/^\/var\//, '');
/** Files that containerd writes to in place; all else in its folder is written once, so that links can stand for copies. */
const database = /\.db$/;

export interface SeedTools {
  provider: Provider;
  machine: Machine;
  cacheDirectory: string;
  signal: AbortSignal;
}

/**
 * What was unpacked on this machine before is given to nodes as hard links: no byte is copied, and all nodes share one
 * copy on disk and in memory. edgeadm in the node finds it in place, under a seal, and has nothing left to verify, unpack
 * or import. kind and k3d have the same in their node images.
 */
export async function seedPackage(
  tools: SeedTools,
  nodes: readonly string[],
  nodePackage: NodePackage,
): Promise<void> {
  await Promise.all(
    nodes.map(async (node) => {
      const disk = await diskOf(tools, node);
      const target = join(disk, packagesFolder, nodePackage.digest);
      if (await exists(target)) return;
      await mkdir(join(disk, packagesFolder), { recursive: true, mode: 0o700 });
      await linkTree(tools, nodePackage.folder, target);
      // Links are the files that were verified on this machine: edgeadm in the node sees it by the seal.
      await copyFile(sealPath(nodePackage.folder), sealPath(target));
    }),
  );
}

/** Folder of the images that were imported from a package before, or undefined when none was. */
export async function findImageSeed(cacheDirectory: string, digest: string): Promise<string | undefined> {
  const folder = seedFolder(cacheDirectory, digest);
  return (await exists(folder)) ? folder : undefined;
}

/** Gives nodes, on which containerd was never started, the images of a seed. */
export async function seedImages(tools: SeedTools, nodes: readonly string[], seed: string): Promise<void> {
  await Promise.all(
    nodes.map(async (node) => {
      const target = join(await diskOf(tools, node), containerdFolder);
      if (!(await exists(target))) await copyStore(tools, seed, target);
    }),
  );
}

/** Keeps the images of a node, whose containerd does not run, as a seed. Returns its folder. */
export async function keepImages(tools: SeedTools, node: string, digest: string): Promise<string> {
  const source = join(await diskOf(tools, node), containerdFolder);
  const seed = seedFolder(tools.cacheDirectory, digest);
  await mkdir(join(tools.cacheDirectory, 'seeds'), { recursive: true });
  await copyStore(tools, source, seed);
  return seed;
}

/** Makes `target` whole or not at all. */
async function copyStore(tools: SeedTools, source: string, target: string): Promise<void> {
  const partial = `${target}.partial-${process.pid}`;
  try {
    await linkTree(tools, source, partial);
    await ownDatabases(tools, source, partial);
    await rename(partial, target);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

const seedFolder = (cacheDirectory: string, digest: string): string => join(cacheDirectory, 'seeds', digest);

async function diskOf({ provider }: SeedTools, node: string): Promise<string> {
  const disk = await provider.diskOf(node);
  if (disk === undefined) throw new Error(`node ${node} has no disk of its own at /var`);
  return disk;
}

/** Fails where the two are not on one file system. */
async function linkTree({ machine, signal }: SeedTools, source: string, target: string): Promise<void> {
  try {
    await machine.run({
      file: 'cp',
      args: ['--archive', '--link', source, target],
      timeoutMs: 300_000,
      signal,
    });
  } catch (error) {
    await rm(target, { recursive: true, force: true });
    throw error;
  }
}

async function ownDatabases({ machine, signal }: SeedTools, source: string, target: string): Promise<void> {
  for (const folder of ['.', ...(await readdir(source))]) {
    const names = await readdir(join(source, folder)).catch(() => []);
    for (const name of names.filter((each) => database.test(each))) {
      const [from, to] = [join(source, folder, name), join(target, folder, name)];
      await machine.run({ file: 'cp', args: ['--archive', '--remove-destination', from, to], signal });
    }
  }
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
