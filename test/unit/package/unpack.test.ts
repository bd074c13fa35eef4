import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { onlyImages } from '../../../src/package/needs.ts';
import { openPackage } from '../../../src/package/open.ts';
import { unpackPackage } from '../../../src/package/unpack.ts';
import { verifyPackage } from '../../../src/package/verify.ts';
import { fakeCatalogue, fakePackage } from '../../fakes/package.ts';
import { scratch } from './support.ts';

async function files(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

describe('unpacking', { timeout: 60_000 }, () => {
  it('writes every entry with its mode, and nothing else', async () => {
    const folder = await scratch();
    const opened = await openPackage((await fakePackage(folder)).path);
    const target = join(folder, 'a', 'b', 'target');
    const umask = process.umask(0o077);
    await unpackPackage(opened, target).finally(() => process.umask(umask));
    expect(await files(target)).toEqual(
      ['manifest.json', ...opened.manifest.entries.map(({ path }) => path)].sort(),
    );
    for (const { path, mode, size } of opened.manifest.entries) {
      const facts = await stat(join(target, path));
      expect([path, facts.mode & 0o7777, facts.size]).toEqual([path, mode, size]);
    }
    expect(await readdir(join(folder, 'a', 'b'))).toEqual(['target']);
    expect((await openPackage(target)).digest).toBe(opened.digest);
  });

  it('writes the runtime whole, though in small pieces', async () => {
    const folder = await scratch();
    const content = Buffer.from(Array.from({ length: 300_001 }, (_, i) => i % 251));
    const program = {
      version: '0.1.0',
      files: [{ name: 'node', mode: 0o755, content: [content] }],
      components: [],
      dispose: async () => {},
    };
    const opened = await openPackage((await fakePackage(folder, { program })).path);
    await unpackPackage(opened, join(folder, 'target'));
    expect((await readFile(join(folder, 'target/edgeadm/node'))).equals(content)).toBe(true);
  });

  it('reports progress up to the total', async () => {
    const folder = await scratch();
    const opened = await openPackage((await fakePackage(folder)).path);
    const seen: [number, number][] = [];
    await unpackPackage(opened, join(folder, 'target'), { onProgress: (...amount) => seen.push(amount) });
    const total = opened.manifest.entries.reduce((sum, { size }) => sum + size, 0);
    expect(seen.at(-1)).toEqual([total, total]);
    expect(seen.map(([done]) => done)).toEqual(seen.map(([done]) => done).sort((a, b) => a - b));
  });

  it('leaves a whole target alone, and mends a spoilt one', async () => {
    const folder = await scratch();
    const opened = await openPackage((await fakePackage(folder)).path);
    const target = join(folder, 'target');
    await unpackPackage(opened, target);
    const before = await stat(join(target, 'bin/ctl'));
    await unpackPackage(opened, target);
    expect((await stat(join(target, 'bin/ctl'))).ino).toBe(before.ino);
    await writeFile(join(target, 'bin/ctl'), 'spoilt');
    await unpackPackage(opened, target);
    expect(await readFile(join(target, 'bin/ctl'), 'utf8')).toBe('ctl v1.0.0\n');
  });

  it('begins anew over what an interrupted run left', async () => {
    const folder = await scratch();
    const opened = await openPackage((await fakePackage(folder)).path);
    await mkdir(join(folder, 'target.partial', 'bin'), { recursive: true });
    await writeFile(join(folder, 'target.partial', 'bin', 'old'), 'old');
    await unpackPackage(opened, join(folder, 'target'));
    await verifyPackage(await openPackage(join(folder, 'target')));
  });

  it('leaves nothing when it is interrupted', async () => {
    const folder = await scratch();
    const opened = await openPackage((await fakePackage(folder)).path);
    const stop = new AbortController();
    const unpacked = unpackPackage(opened, join(folder, 'target'), {
      signal: stop.signal,
      onProgress: () => stop.abort(),
    });
    await expect(unpacked).rejects.toMatchObject({ name: 'AbortError' });
    expect((await readdir(folder)).filter((name) => name.startsWith('target'))).toEqual([]);
  });

  it('copies a folder, checking each file', async () => {
    const folder = await scratch();
    const opened = await openPackage((await fakePackage(folder)).path);
    await unpackPackage(opened, join(folder, 'one'));
    await chmod(join(folder, 'one/bin/ctl'), 0o600);
    const again = await openPackage(join(folder, 'one'));
    await unpackPackage(again, join(folder, 'two'));
    expect((await stat(join(folder, 'two/bin/ctl'))).mode & 0o777).toBe(0o755);
    await writeFile(join(folder, 'one/bin/ctl'), 'ctl v6.6.6\n');
    await expect(unpackPackage(again, join(folder, 'three'))).rejects.toMatchObject({
      code: 'E_PACKAGE_CORRUPT',
    });
    expect((await readdir(folder)).filter((name) => name.startsWith('three'))).toEqual([]);
  });

  it('names the path that it cannot write', async () => {
    const folder = await scratch();
    const opened = await openPackage((await fakePackage(folder)).path);
    await writeFile(join(folder, 'file'), '');
    await expect(unpackPackage(opened, join(folder, 'file', 'target'))).rejects.toMatchObject({
      code: 'E_HOST_WRITE',
      message: expect.stringContaining(join(folder, 'file', 'target')),
    });
    await expect(unpackPackage(opened, '/proc/edgeadm-test')).rejects.toMatchObject({ code: 'E_HOST_WRITE' });
  });

  it('takes only the images that are asked for', async () => {
    const folder = await scratch();
    const catalogue = fakeCatalogue();
    catalogue.components[0]!.images = [
      { name: 'example.org/ctl:v1', purpose: 'control-plane', files: { '/ctl': 'ctl' }, entrypoint: [] },
    ];
    const opened = await openPackage((await fakePackage(folder, { catalogue })).path);
    const filter = onlyImages(opened.manifest, ['registry.k8s.io/pause:3.10.2']);
    await unpackPackage(opened, join(folder, 'target'), { filter });
    const blobs = await readdir(join(folder, 'target/images/blobs/sha256'));
    const pause = opened.manifest.images.find(({ name }) => name.endsWith('3.10.2'))!;
    expect(blobs.map((name) => `sha256:${name}`).sort()).toEqual([...pause.blobs!].sort());
    expect(await readFile(join(folder, 'target/bin/ctl'), 'utf8')).toBe('ctl v1.0.0\n');
    const there = await openPackage(join(folder, 'target'));
    await verifyPackage(there, undefined, { filter });
    await expect(verifyPackage(there)).rejects.toMatchObject({ code: 'E_PACKAGE_CORRUPT' });
  });
});
