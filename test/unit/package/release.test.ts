import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildPackage } from '../../../src/package/build.ts';
import { loadCatalogue } from '../../../src/package/catalogue/load.ts';
import type { Catalogue } from '../../../src/package/catalogue/types.ts';
import { needsFor } from '../../../src/package/needs.ts';
import { openPackage } from '../../../src/package/open.ts';
import { publishedSum } from '../../../src/package/sources/checksum.ts';
import { parseMirrors } from '../../../src/package/sources/mirrors.ts';
import { releaseSource } from '../../../src/package/sources/release.ts';
import { verifyPackage } from '../../../src/package/verify.ts';
import { publish, publishImage, startUpstream, tarball, type Upstream } from '../../fakes/upstream.ts';
import { scratch } from './support.ts';

let upstream: Upstream;
beforeEach(async () => {
  upstream = await startUpstream();
});
afterEach(() => upstream.close());

/** Everything of the real catalogue, where upstream publishes it: the mirror holds each host below its name. */
async function publishAll(catalogue: Catalogue, arch = 'amd64'): Promise<void> {
  for (const component of catalogue.components) {
    for (const file of component.release) {
      const paths = (file.programs ?? ['']).map((program) =>
        [file.url, file.checksum].map((text) => {
          const { host, pathname } = new URL(
            text.replaceAll('{arch}', arch).replaceAll('{program}', program),
          );
          return { program, path: `/${host}${decodeURI(pathname)}` };
        }),
      );
      for (const [{ program, path }, sum] of paths as [
        { program: string; path: string },
        { path: string },
      ][]) {
        const inside = Object.entries(file.archive ?? {}).map(([name, at]) => [
          at.replaceAll('{arch}', arch),
          `${name} binary`,
        ]);
        publish(
          upstream,
          path,
          file.archive ? tarball(Object.fromEntries(inside)) : `${program} binary`,
          sum.path,
        );
      }
    }
    for (const { name } of component.images) {
      const [, repository, tag] = /^[^/]+\/(.+):([^:]+)$/.exec(name)!;
      publishImage(upstream, repository!, tag!, ['amd64', 'arm64'], tag!.startsWith('v0'));
    }
  }
  publishImage(upstream, 'distroless/cc-debian12', 'nonroot', ['amd64', 'arm64']);
}

/** As much of a program as the image of edgeadm's controller needs. */
const program = {
  version: '0.1.0',
  files: ['node', 'cli.js'].map((name) => ({ name, mode: 0o755, content: [Buffer.from(name)] })),
  components: [],
  dispose: async () => {},
};

async function catalogueOf(...names: string[]): Promise<Catalogue> {
  const catalogue = await loadCatalogue('1.36');
  return {
    ...catalogue,
    components: catalogue.components.filter(({ name }) => names.length === 0 || names.includes(name)),
  };
}

async function build(
  folder: string,
  catalogue: Catalogue,
  more: Partial<Parameters<typeof buildPackage>[0]> = {},
) {
  return buildPackage({
    source: releaseSource(parseMirrors([upstream.url], [upstream.host])),
    catalogue,
    program,
    arch: 'arm64',
    output: join(folder, 'package.tar.zst'),
    cacheDirectory: join(folder, 'cache'),
    emit() {},
    ...more,
  });
}

describe('the release source', { timeout: 60_000 }, () => {
  it('builds a complete package from what upstream publishes, by a mirror', async () => {
    const folder = await scratch();
    const catalogue = await catalogueOf();
    await publishAll(catalogue, 'arm64');
    const built = await build(folder, catalogue);
    const opened = await openPackage(built.path);
    await verifyPackage(opened, await needsFor({ arch: 'arm64', edge: true, cni: 'flannel', ha: true }));
    expect(opened.manifest.components.every(({ source }) => source === 'release')).toBe(true);
    expect(opened.manifest.components.find(({ name }) => name === 'runc')?.origin).toMatch(
      /^https:\/\/github\.com\/.*runc\.arm64$/,
    );
    // The same again, with upstream gone.
    upstream.files.clear();
    const again = await build(folder, catalogue, { output: join(folder, 'again.tar.zst') });
    expect((await readFile(again.path)).equals(await readFile(built.path))).toBe(true);
  });

  it('takes up a transfer that was cut', async () => {
    const folder = await scratch();
    const catalogue = await catalogueOf('kubernetes');
    await publishAll(catalogue, 'arm64');
    const path = [...upstream.files.keys()].find((each) => each.endsWith('/kubelet'))!;
    publish(upstream, path, randomBytes(8 << 20));
    const blob = [...upstream.files.keys()].find((each) => each.includes('/blobs/'))!;
    upstream.cuts.set(path, [4 << 20]).set(blob, [10]);
    await build(folder, catalogue);
    const statuses = upstream.requests.filter((request) => request.path === path).map(({ status }) => status);
    expect(statuses).toEqual([200, 206]);
  });

  it('refuses a file with another sum, and asks for it anew the next time', async () => {
    const folder = await scratch();
    const catalogue = await catalogueOf('kubernetes');
    await publishAll(catalogue, 'arm64');
    const path = [...upstream.files.keys()].find((each) => each.endsWith('/kubelet'))!;
    const right = upstream.files.get(path)!;
    upstream.files.set(path, Buffer.from('something else'));
    await expect(build(folder, catalogue)).rejects.toMatchObject({
      code: 'E_PACKAGE_CORRUPT',
      message: expect.stringMatching(/kubelet has the SHA-256 [0-9a-f]{64}, published is/),
    });
    upstream.files.set(path, right);
    await build(folder, catalogue);
  });

  it.each([
    ['the file', (path: string) => path.endsWith('/kubelet')],
    ['its sum', (path: string) => path.endsWith('/kubelet.sha256')],
    ['an image', (path: string) => path.endsWith('kube-proxy/manifests/v1.36.3')],
  ])('names what is not there: %s', async (_, is) => {
    const catalogue = await catalogueOf('kubernetes');
    await publishAll(catalogue, 'arm64');
    const path = [...upstream.files.keys()].find(is)!;
    upstream.files.delete(path);
    await expect(build(await scratch(), catalogue)).rejects.toMatchObject({
      code: 'E_PACKAGE_SOURCE',
      message: expect.stringContaining(`${path}: HTTP 404`),
    });
  });

  it('refuses an image with a changed part, and one of another architecture', async () => {
    const catalogue = await catalogueOf('flannel');
    await publishAll(catalogue, 'arm64');
    const blobs = [...upstream.files.keys()].filter((path) => path.includes('/blobs/'));
    const good = new Map(upstream.files);
    for (const path of blobs)
      upstream.files.set(path, Buffer.concat([upstream.files.get(path)!, Buffer.from('x')]));
    await expect(build(await scratch(), catalogue)).rejects.toMatchObject({ code: 'E_PACKAGE_CORRUPT' });
    for (const [path, bytes] of good) upstream.files.set(path, bytes);
    publishImage(upstream, 'flannel-io/flannel', 'v0.26.7', ['s390x']);
    await expect(build(await scratch(), catalogue)).rejects.toMatchObject({ code: 'E_PACKAGE_MISMATCH' });
  });

  it('refuses an archive without the program', async () => {
    const catalogue = await catalogueOf('containerd');
    await publishAll(catalogue, 'arm64');
    const path = [...upstream.files.keys()].find((each) => each.endsWith('.tar.gz'))!;
    publish(upstream, path, tarball({ 'bin/other': 'x' }), `${path}.sha256sum`);
    upstream.files.set(
      `${path}.sha256sum`,
      Buffer.from(upstream.files.get(`${path}.sha256sum`)!.toString().split('\n').at(-2)!),
    );
    await expect(build(await scratch(), catalogue)).rejects.toMatchObject({
      code: 'E_PACKAGE_SOURCE',
      message: expect.stringContaining('bin/containerd'),
    });
  });

  it('pulls the manifest of the architecture, and has the images under their own names', async () => {
    const catalogue = await catalogueOf('pause', 'kube-vip');
    await publishAll(catalogue, 'arm64');
    const { manifest } = await build(await scratch(), catalogue);
    const { arm64 } = publishImage(upstream, 'pause', '3.10.2', ['amd64', 'arm64']);
    expect(manifest.images).toMatchObject([
      { name: 'ghcr.io/kube-vip/kube-vip:v0.9.1' },
      { name: 'registry.k8s.io/pause:3.10.2', digest: arm64 },
    ]);
  });
});

describe('mirrors', () => {
  it.each([
    [[], 'https://dl.k8s.io/v1/a', 'https://dl.k8s.io/v1/a'],
    [['https://m.example/all/'], 'https://dl.k8s.io/v1/a?b', 'https://m.example/all/dl.k8s.io/v1/a?b'],
    [['dl.k8s.io=https://m.example'], 'https://dl.k8s.io/v1/a', 'https://m.example/v1/a'],
    [['dl.k8s.io=https://m.example'], 'https://github.com/a', 'https://github.com/a'],
    [['https://m.example', 'github.com=http://g.example/x'], 'https://github.com/a', 'http://g.example/x/a'],
  ])('%j: %s from %s', (mirrors, original, expected) => {
    expect(parseMirrors(mirrors, []).url(original)).toBe(expected);
  });

  it.each([
    [[], 'registry.k8s.io/coredns/coredns', 'https://registry.k8s.io/v2/', 'coredns/coredns'],
    [['reg.example:5000'], 'ghcr.io/a/b', 'https://reg.example:5000/v2/', 'a/b'],
    [['reg.example/team'], 'ghcr.io/a/b', 'https://reg.example/v2/', 'team/a/b'],
    [['ghcr.io=localhost:5000'], 'ghcr.io/a/b', 'http://localhost:5000/v2/', 'a/b'],
    [['ghcr.io=localhost:5000'], 'registry.k8s.io/pause', 'https://registry.k8s.io/v2/', 'pause'],
    [['http://reg.example'], 'ghcr.io/a/b', 'http://reg.example/v2/', 'a/b'],
  ])('%j: %s from %s%s', (registries, name, api, repository) => {
    expect(parseMirrors([], registries).repository(name)).toEqual({ api, repository });
  });

  it.each([[['ftp://m.example']], [['dl.k8s.io=']], [['no url']], [['https://a', 'https://b']]])(
    'refuses %j',
    (mirrors) => {
      expect(() => parseMirrors(mirrors, [])).toThrow(expect.objectContaining({ code: 'E_USAGE' }));
    },
  );
});

describe('published sums', () => {
  const sum = 'a'.repeat(64);
  const other = 'b'.repeat(64);
  it.each([
    ['bare', `${sum}\n`],
    ['in capitals', sum.toUpperCase()],
    ['with the name', `${sum}  file.tgz\n`],
    ['in binary mode', `${sum} *file.tgz\n`],
    ['with a folder', `${sum}  ./out/file.tgz\n`],
    ['among others', `${other}  file\n${sum}  file.tgz\n${other}  other.tgz\n`],
  ])('are found: %s', (_, text) => {
    expect(publishedSum(text, 'file.tgz', 'here')).toBe(sum);
  });

  it.each([['', `${other}  other.tgz\n`, 'not found', `${sum}\n${other}\n`, `${'a'.repeat(63)}  file.tgz`]])(
    'are missing in %j',
    (text) => {
      expect(() => publishedSum(text, 'file.tgz', 'here')).toThrow(
        expect.objectContaining({ code: 'E_PACKAGE_SOURCE' }),
      );
    },
  );
});
