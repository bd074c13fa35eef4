import {
  chmod,
  copyFile,
  link,
  mkdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { openPackage } from '../../../src/package/open.ts';
import { isSealed, sealPackage, sealPath } from '../../../src/package/seal.ts';
import type { InstallPackage } from '../../../src/package/types.ts';
import { unpackPackage } from '../../../src/package/unpack.ts';
import { fakePackage } from '../../fakes/package.ts';
import { scratch } from './support.ts';

let folder: string;
let opened: InstallPackage;
let target: string;
const program = () => join(target, 'bin/ctl');

beforeEach(async () => {
  folder = await scratch();
  opened = await openPackage((await fakePackage(folder)).path);
  target = join(folder, 'target');
  await unpackPackage(opened, target);
  await sealPackage(opened, target);
});

describe('the seal of an unpacked package', () => {
  it('spares reading it again, also through hard links', async () => {
    expect(await isSealed(opened, target)).toBe(true);
    const linked = join(folder, 'linked');
    for (const { path } of [{ path: 'manifest.json' }, ...opened.manifest.entries]) {
      await mkdir(dirname(join(linked, path)), { recursive: true });
      await link(join(target, path), join(linked, path));
    }
    expect(await isSealed(opened, linked)).toBe(false);
    await copyFile(sealPath(target), sealPath(linked));
    expect(await isSealed(opened, linked)).toBe(true);
  });

  it.each<[string, () => Promise<void>]>([
    ['has other content of the same size', async () => writeFile(program(), 'ctl v6.6.6\n')],
    ['is a copy', () => copyFile(program(), `${program()}~`).then(() => rename(`${program()}~`, program()))],
    ['has another mode', () => chmod(program(), 0o777)],
    ['is gone', () => rm(program())],
  ])('breaks when a file %s; the package is unpacked anew then', async (_, spoil) => {
    await spoil();
    expect(await isSealed(opened, target)).toBe(false);
    await unpackPackage(opened, target);
    expect(await readFile(program(), 'utf8')).toBe('ctl v1.0.0\n');
  });

  it('breaks when a file was written to and its time put back to the second', async () => {
    const { atime, mtime } = await stat(program());
    await writeFile(program(), 'ctl v6.6.6\n');
    await utimes(program(), atime, Math.floor(mtime.getTime() / 1000));
    expect(await isSealed(opened, target)).toBe(false);
  });

  it('holds for this package only', async () => {
    expect(await isSealed({ ...opened, digest: '0'.repeat(64) }, target)).toBe(false);
  });

  it('is none when it cannot be read', async () => {
    await writeFile(sealPath(target), '{');
    expect(await isSealed(opened, target)).toBe(false);
    await rm(sealPath(target));
    expect(await isSealed(opened, target)).toBe(false);
  });

  it('knows nothing of entries that were left out', async () => {
    const filter = ({ path }: { path: string }) => path.startsWith('bin/');
    const part = join(folder, 'part');
    await unpackPackage(opened, part, { filter });
    await sealPackage(opened, part);
    expect(await isSealed(opened, part, { filter })).toBe(true);
    expect(await isSealed(opened, part)).toBe(false);
  });
});
