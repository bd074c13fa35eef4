import { execFileSync } from 'node:child_process';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hashFile } from '../../../src/package/hash.ts';
import { openPackage } from '../../../src/package/open.ts';
import { verifyPackage } from '../../../src/package/verify.ts';
import { fakeCatalogue, fakePackage, fakeSource } from '../../fakes/package.ts';
import { scratch } from './support.ts';

describe('building a package', () => {
  it('gives the same bytes for the same inputs, with and without a cache', async () => {
    const [one, two] = [await scratch(), await scratch()];
    const first = await fakePackage(one);
    const second = await fakePackage(two);
    const third = await fakePackage(two, { name: 'again.tar.zst' });
    const bytes = await readFile(first.path);
    expect(bytes.equals(await readFile(second.path))).toBe(true);
    expect(bytes.equals(await readFile(third.path))).toBe(true);
    expect(first.size).toBe(bytes.length);
  });

  it('leaves a file alone that is there of the same inputs, and writes one anew that was touched', async () => {
    const folder = await scratch();
    const first = await fakePackage(folder);
    const { ino } = await stat(first.path);
    expect(await fakePackage(folder)).toEqual(first);
    expect((await stat(first.path)).ino).toBe(ino);
    const bytes = await readFile(first.path);
    await writeFile(first.path, bytes.subarray(0, -1));
    await fakePackage(folder);
    expect((await readFile(first.path)).equals(bytes)).toBe(true);
    const catalogue = fakeCatalogue();
    catalogue.components[1]!.version = 'v1.0.1';
    expect((await fakePackage(folder, { catalogue })).digest).not.toBe(first.digest);
    await rm(first.path);
    expect((await fakePackage(folder)).digest).toBe(first.digest);
  });

  it('gives another digest when one program differs', async () => {
    const folder = await scratch();
    const catalogue = fakeCatalogue();
    const changed = fakeCatalogue();
    changed.components[1]!.version = 'v1.0.1';
    const first = await fakePackage(folder, { catalogue });
    const second = await fakePackage(folder, { catalogue: changed, name: 'other.tar.zst' });
    expect(second.digest).not.toBe(first.digest);
  });

  it('is a tar that tar itself unpacks, manifest first, entries sorted', async () => {
    const folder = await scratch();
    const { path, manifest } = await fakePackage(folder);
    const names = execFileSync('tar', ['--zstd', '-tf', path], { encoding: 'utf8' }).trim().split('\n');
    expect(names).toEqual(['manifest.json', ...manifest.entries.map((entry) => entry.path)]);
    expect(names.slice(1)).toEqual([...names.slice(1)].sort());
    await mkdir(join(folder, 'out'));
    execFileSync('tar', ['--zstd', '-xf', path, '-C', join(folder, 'out')]);
    expect(await readFile(join(folder, 'out', 'cni', 'loopback'), 'utf8')).toBe('loopback v1.0.0\n');
  });

  it('has a layout that holds what images share once', async () => {
    const { manifest } = await fakePackage(await scratch());
    const blobs = manifest.entries.filter(({ path }) => path.startsWith('images/blobs/sha256/'));
    expect(manifest.images.map(({ name }) => name)).toEqual([
      'registry.k8s.io/pause:3.10.2',
      'registry.k8s.io/pause:again',
    ]);
    // The same content under two names: one manifest, one configuration, one layer.
    expect(blobs).toHaveLength(3);
    for (const { path, sha256 } of blobs) expect(path).toBe(`images/blobs/sha256/${sha256}`);
  });

  it('lists every component with licence and origin in the bill of materials', async () => {
    const folder = await scratch();
    const { path } = await fakePackage(folder);
    const bill = JSON.parse(
      execFileSync('tar', ['--zstd', '-xOf', path, 'sbom.cdx.json'], { encoding: 'utf8' }),
    );
    expect(bill).toMatchObject({ bomFormat: 'CycloneDX', specVersion: '1.6' });
    const plugins = bill.components.find(({ name }: { name: string }) => name === 'plugins');
    expect(plugins).toMatchObject({ version: 'v1.0.0', licenses: [{ expression: 'Apache-2.0' }] });
    expect(bill.components).toContainEqual({
      type: 'library',
      'bom-ref': 'pkg:golang/example.org/lib@v1.0.0',
      name: 'example.org/lib',
      version: 'v1.0.0',
      purl: 'pkg:golang/example.org/lib@v1.0.0',
      licenses: [{ license: { id: 'MIT' } }],
    });
    const refs = new Set(bill.components.map((component: { 'bom-ref': string }) => component['bom-ref']));
    for (const { dependsOn } of bill.dependencies) for (const ref of dependsOn) expect(refs).toContain(ref);
  });

  it('names the component whose program is missing', async () => {
    const folder = await scratch();
    const catalogue = fakeCatalogue();
    catalogue.components[0]!.bin.push('absent');
    await expect(fakePackage(folder, { catalogue })).rejects.toMatchObject({
      code: 'E_PACKAGE_BUILD',
      message: expect.stringContaining('absent'),
    });
  });

  it.each([
    ['registry.k8s.io/pause:3.10.2', true],
    ['registry.k8s.io/pause:9.9', false],
  ])('compares the catalogue with the images that kubeadm wants: %s', async (image, has) => {
    const folder = await scratch();
    const catalogue = fakeCatalogue();
    catalogue.components.push({ ...catalogue.components[0]!, name: 'kubernetes', bin: [], images: [] });
    const source = fakeSource(join(folder, 'components'));
    const { fetchComponent } = source;
    source.fetchComponent = async (component, ...rest) => {
      const fetched = await fetchComponent(component, ...rest);
      if (component.name !== 'kubernetes') return fetched;
      const path = join(folder, 'kubeadm');
      await writeFile(
        path,
        `#!/bin/sh\n[ "$*" = "config images list --kubernetes-version v1.36.3" ] && echo ${image}\n`,
        { mode: 0o755 },
      );
      return { ...fetched, programs: { kubeadm: await hashFile(path) } };
    };
    const arch = process.arch === 'arm64' ? 'arm64' : 'amd64';
    const built = fakePackage(folder, { catalogue, source, arch });
    if (has) await built;
    else
      await expect(built).rejects.toMatchObject({
        code: 'E_PACKAGE_BUILD',
        message: expect.stringContaining(image),
      });
  });

  it('leaves no file when it is interrupted', async () => {
    const folder = await scratch();
    const stop = new AbortController();
    const source = fakeSource(join(folder, 'components'));
    const fetchImage = source.fetchImage;
    source.fetchImage = (...args) => {
      stop.abort();
      return fetchImage(...args);
    };
    await expect(fakePackage(folder, { source, signal: stop.signal })).rejects.toThrow();
    await expect(readFile(join(folder, 'package.tar.zst'))).rejects.toThrow();
  });

  it.each(['output', 'cacheDirectory'])('names the place that it cannot write: %s', async (option) => {
    const folder = await scratch();
    await writeFile(join(folder, 'file'), '');
    const below = join(folder, 'file', 'below');
    await expect(fakePackage(folder, { [option]: below })).rejects.toMatchObject({
      code: 'E_HOST_WRITE',
      message: expect.stringContaining(below),
    });
  });

  it('reports progress that ends at its total', async () => {
    const events: { done?: number; total?: number; step?: string }[] = [];
    await fakePackage(await scratch(), {
      emit: (event) => void (event.type === 'progress' && events.push(event)),
    });
    const last = events.filter(({ step }) => step === 'write package').at(-1)!;
    expect(last.done).toBe(last.total);
  });

  it('verifies', async () => {
    const { path, digest } = await fakePackage(await scratch());
    const opened = await openPackage(path);
    expect(opened.digest).toBe(digest);
    await verifyPackage(opened);
  });
});
