import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { download, fetchBytes } from '../../../src/package/http.ts';
import { openPackage } from '../../../src/package/open.ts';
import { verifyPackage } from '../../../src/package/verify.ts';
import { fakePackage } from '../../fakes/package.ts';
import { startUpstream, type Upstream } from '../../fakes/upstream.ts';
import { scratch } from './support.ts';

let upstream: Upstream;
beforeEach(async () => {
  upstream = await startUpstream();
});
afterEach(() => upstream.close());

/** Larger than what a broken connection takes with it unread. */
const content = randomBytes(8 << 20);

describe('a download', { timeout: 30_000 }, () => {
  it('goes on where it was cut', async () => {
    upstream.files.set('/file', content);
    upstream.cuts.set('/file', [4 << 20, 2 << 20]);
    const path = join(await scratch(), 'file');
    await download(`${upstream.url}/file`, path);
    expect((await readFile(path)).equals(content)).toBe(true);
    const [first, ...more] = upstream.requests;
    expect(first?.range).toBeUndefined();
    // How much of a cut body arrived is up to the kernel; each try must ask for the rest, none for all.
    expect(more).toHaveLength(2);
    for (const { range, status } of more)
      expect([range, status]).toEqual([expect.stringMatching(/^bytes=[1-9]\d*-$/), 206]);
  });

  it('goes on in a later run', async () => {
    upstream.files.set('/file', content);
    upstream.cuts.set('/file', [4 << 20]);
    const path = join(await scratch(), 'file');
    await expect(download(`${upstream.url}/file`, path, { retries: 0 })).rejects.toMatchObject({
      code: 'E_PACKAGE_SOURCE',
    });
    await expect(readFile(path)).rejects.toThrow();
    await download(`${upstream.url}/file`, path, { retries: 0 });
    expect((await readFile(path)).equals(content)).toBe(true);
    expect(upstream.requests.at(-1)).toMatchObject({ status: 206 });
  });

  it.each([
    ['changed meanwhile', () => upstream.files.set('/file', Buffer.from('other'))],
    ['is served without ranges', () => (upstream.rangeless = true)],
  ])('begins anew when the file %s', async (_, change) => {
    upstream.files.set('/file', content);
    upstream.cuts.set('/file', [4 << 20]);
    const path = join(await scratch(), 'file');
    await expect(download(`${upstream.url}/file`, path, { retries: 0 })).rejects.toThrow();
    change();
    await download(`${upstream.url}/file`, path);
    expect((await readFile(path)).equals(upstream.files.get('/file')!)).toBe(true);
  });

  it('is not taken up in another run when the server names no version', async () => {
    upstream.anonymous = true;
    upstream.files.set('/file', content);
    upstream.cuts.set('/file', [4 << 20]);
    const path = join(await scratch(), 'file');
    await expect(download(`${upstream.url}/file`, path, { retries: 0 })).rejects.toThrow();
    upstream.files.set('/file', randomBytes(content.length));
    await download(`${upstream.url}/file`, path);
    expect((await readFile(path)).equals(upstream.files.get('/file')!)).toBe(true);
  });

  it('begins anew when what is there is longer than the file', async () => {
    upstream.files.set('/file', content);
    upstream.cuts.set('/file', [4 << 20]);
    const path = join(await scratch(), 'file');
    await expect(download(`${upstream.url}/file`, path, { retries: 0 })).rejects.toThrow();
    await writeFile(`${path}.part`, Buffer.alloc(content.length));
    await download(`${upstream.url}/file`, path);
    expect((await readFile(path)).equals(content)).toBe(true);
  });

  it('is left out when the file is there and the same', async () => {
    upstream.files.set('/file', content);
    const path = join(await scratch(), 'file');
    await download(`${upstream.url}/file`, path);
    await download(`${upstream.url}/file`, path);
    expect(upstream.requests.map(({ status }) => status)).toEqual([200, 304]);
    upstream.files.set('/file', Buffer.from('newer'));
    await download(`${upstream.url}/file`, path);
    expect(await readFile(path, 'utf8')).toBe('newer');
  });

  it('tries again after trouble that passes, not after a refusal', async () => {
    upstream.files.set('/file', content);
    upstream.failures.set('/file', [503, 429]);
    await download(`${upstream.url}/file`, join(await scratch(), 'file'));
    expect(upstream.requests.map(({ status }) => status)).toEqual([503, 429, 200]);
    await expect(fetchBytes(`${upstream.url}/absent`)).rejects.toMatchObject({
      code: 'E_PACKAGE_SOURCE',
      message: expect.stringMatching(/\/absent: HTTP 404/),
    });
    expect(upstream.requests.filter(({ path }) => path === '/absent')).toHaveLength(1);
  });

  it('gives up a server that falls silent', async () => {
    const { createServer } = await import('node:http');
    const silent = createServer((_, response) => void response.writeHead(200).write('a'));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(silent.address() as { port: number }).port}/`;
    const path = join(await scratch(), 'file');
    await expect(download(url, path, { idleMs: 50, retries: 1 })).rejects.toMatchObject({
      code: 'E_PACKAGE_SOURCE',
      message: expect.stringContaining('nothing came for too long'),
    });
    silent.closeAllConnections();
    silent.close();
  });

  it('says why there is no connection, and stops at once when told', async () => {
    const { url } = upstream;
    await upstream.close();
    await expect(fetchBytes(url, { retries: 0 })).rejects.toMatchObject({
      message: expect.stringMatching(/ECONNREFUSED/),
    });
    await expect(fetchBytes(url, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    });
    upstream = await startUpstream();
  });

  it('names the file that it cannot write', async () => {
    upstream.files.set('/file', content);
    await expect(download(`${upstream.url}/file`, '/proc/edgeadm-test')).rejects.toMatchObject({
      code: 'E_HOST_WRITE',
      message: expect.stringContaining('/proc/edgeadm-test'),
    });
  });
});

describe('a package by URL', { timeout: 60_000 }, () => {
  it('is downloaded through cuts, verified, and not fetched twice', async () => {
    const folder = await scratch();
    const { path, digest } = await fakePackage(folder);
    upstream.files.set('/packages/edge.tar.zst', await readFile(path));
    upstream.cuts.set('/packages/edge.tar.zst', [700, 900]);
    const url = `${upstream.url}/packages/edge.tar.zst`;
    const downloadDirectory = join(folder, 'downloads');
    const opened = await openPackage(url, { downloadDirectory });
    expect(opened).toMatchObject({ digest, location: url });
    await verifyPackage(opened);
    await openPackage(url, { downloadDirectory });
    expect(upstream.requests.at(-1)).toMatchObject({ status: 304 });
  });

  it('is refused when it is something else', async () => {
    upstream.files.set('/page', Buffer.from('<html>not found</html>'));
    const downloadDirectory = await scratch();
    await expect(openPackage(`${upstream.url}/page`, { downloadDirectory })).rejects.toMatchObject({
      code: 'E_PACKAGE_CORRUPT',
    });
  });
});
