import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  findImageSeed,
  keepImages,
  type SeedTools,
  seedImages,
  seedPackage,
} from '../../../src/playground/seed.ts';
import { fakeMachine } from '../../fakes/machine.ts';
import { fakeProvider } from '../../fakes/provider.ts';

let root: string;
let tools: SeedTools;
const disk = (node: string) => join(root, 'disks', node);
const inode = async (path: string) => (await stat(path)).ino;
const put = async (path: string, text: string) => {
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, text);
};

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'edgeadm-unit-'));
  const machine = fakeMachine();
  machine.run = async ({ file, args = [] }) => {
    await execa(file, args);
    return { exitCode: 0, stdout: '', stderr: '' };
  };
  const provider = fakeProvider();
  provider.diskOf = async (node) => disk(node);
  tools = { provider, machine, cacheDirectory: join(root, 'cache'), signal: new AbortController().signal };
  for (const node of ['a', 'b']) await mkdir(join(disk(node), 'lib'), { recursive: true });
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('the package on the nodes', () => {
  it('is linked to where edgeadm looks for it, once', async () => {
    const folder = join(root, 'unpacked');
    await put(join(folder, 'bin/kubelet'), 'program');
    await put(`${folder}.seal`, '{}');
    const nodePackage = { location: '/p', isFile: true, folder, digest: 'd1', kubernetesVersion: 'v1.36.3' };
    await seedPackage(tools, ['a', 'b'], nodePackage);
    await seedPackage(tools, ['a'], nodePackage);
    for (const node of ['a', 'b']) {
      const path = join(disk(node), 'lib/edgeadm/packages/d1/bin/kubelet');
      expect(await inode(path)).toBe(await inode(join(folder, 'bin/kubelet')));
      expect(await readFile(join(disk(node), 'lib/edgeadm/packages/d1.seal'), 'utf8')).toBe('{}');
    }
  });
  it('leaves nothing behind when it cannot be linked', async () => {
    const nodePackage = {
      location: '/p',
      isFile: true,
      folder: join(root, 'gone'),
      digest: 'd1',
      kubernetesVersion: 'v1',
    };
    await expect(seedPackage(tools, ['a'], nodePackage)).rejects.toThrow();
    await expect(stat(join(disk('a'), 'lib/edgeadm/packages/d1'))).rejects.toThrow('ENOENT');
  });
});

describe('the images on the nodes', () => {
  it('share their files, but no database', async () => {
    const store = join(disk('a'), 'lib/containerd');
    await put(join(store, 'content/blobs/sha256/00'), 'layer');
    await put(join(store, 'io.containerd.metadata.v1.bolt/meta.db'), 'database');
    expect(await findImageSeed(tools.cacheDirectory, 'd1')).toBeUndefined();
    const seed = await keepImages(tools, 'a', 'd1');
    expect(await findImageSeed(tools.cacheDirectory, 'd1')).toBe(seed);
    await seedImages(tools, ['b'], seed);
    const theirs = join(disk('b'), 'lib/containerd');
    expect(await inode(join(theirs, 'content/blobs/sha256/00'))).toBe(
      await inode(join(store, 'content/blobs/sha256/00')),
    );
    await writeFile(join(theirs, 'io.containerd.metadata.v1.bolt/meta.db'), 'changed');
    expect(await readFile(join(store, 'io.containerd.metadata.v1.bolt/meta.db'), 'utf8')).toBe('database');
    expect(await readFile(join(seed, 'io.containerd.metadata.v1.bolt/meta.db'), 'utf8')).toBe('database');
  });
  it('are not put over those of a node', async () => {
    await put(join(root, 'seed/x'), 'seed');
    await put(join(disk('a'), 'lib/containerd/x'), 'mine');
    await seedImages(tools, ['a'], join(root, 'seed'));
    expect(await readFile(join(disk('a'), 'lib/containerd/x'), 'utf8')).toBe('mine');
  });
});
