import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { tarSegments } from '../../src/package/archive/tar.ts';
import { sha256Hex } from '../../src/package/hash.ts';

/**
 * Stands in for hosts that publish files, and for image registries, on loopback. Contract: GET and Range (one range, to
 * the end) as RFC 9110 has it, If-Range and If-None-Match by strong ETag, the manifests and blobs of the distribution
 * specification with an anonymous token, and on demand the faults of real ones.
 */
export interface Upstream {
  url: string;
  /** `127.0.0.1:port` */
  host: string;
  /** Path to content: `/dl.k8s.io/v1.36.3/bin/linux/amd64/kubeadm`. */
  files: Map<string, Buffer>;
  requests: { path: string; range: string | undefined; status: number }[];
  /** Ends the connection after so many bytes of a body, once for each number, by path. */
  cuts: Map<string, number[]>;
  /** Answers so for a path, once for each status. */
  failures: Map<string, number[]>;
  /** Sends no ETag. */
  anonymous: boolean;
  /** Sends whole files whatever range is asked for. */
  rangeless: boolean;
  close(): Promise<void>;
}

export async function startUpstream(): Promise<Upstream> {
  const server = createServer((request, response) => answer(upstream, request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const upstream: Upstream = {
    url: `http://${host}`,
    host,
    files: new Map(),
    requests: [],
    cuts: new Map(),
    failures: new Map(),
    anonymous: false,
    rangeless: false,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return upstream;
}

function answer(upstream: Upstream, request: IncomingMessage, response: ServerResponse): unknown {
  const { pathname } = new URL(request.url!, upstream.url);
  const log = (status: number) =>
    upstream.requests.push({ path: pathname, range: request.headers.range, status });
  const send = (status: number, headers: Record<string, string> = {}, body: Buffer | string = '') => {
    log(status);
    return response
      .writeHead(status, { ...headers, 'content-length': String(Buffer.byteLength(body)) })
      .end(body);
  };
  const failure = upstream.failures.get(pathname)?.shift();
  if (failure !== undefined) return send(failure);
  if (pathname === '/token')
    return send(200, { 'content-type': 'application/json' }, '{"token":"anonymous"}');
  if (pathname.startsWith('/v2/') && request.headers.authorization !== 'Bearer anonymous') {
    const scope = `repository:${pathname.slice(4).split(/\/(?:manifests|blobs)\//)[0]}:pull`;
    return send(401, {
      'www-authenticate': `Bearer realm="${upstream.url}/token",service="test",scope="${scope}"`,
    });
  }
  const content = upstream.files.get(pathname);
  if (content === undefined) return send(404);
  const etag = `"${sha256Hex(content).slice(0, 16)}"`;
  if (request.headers['if-none-match'] === etag) return send(304);
  const headers: Record<string, string> = upstream.anonymous ? {} : { etag };
  const type = mediaType(content);
  if (pathname.includes('/manifests/') && type) headers['content-type'] = type;
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? Number.NaN);
  const condition = request.headers['if-range'];
  const partial =
    !upstream.rangeless && !Number.isNaN(from) && (condition === undefined || condition === etag);
  if (partial && from >= content.length) return send(416);
  const body = partial ? content.subarray(from) : content;
  if (partial) headers['content-range'] = `bytes ${from}-${content.length - 1}/${content.length}`;
  const cut = upstream.cuts.get(pathname)?.shift();
  if (cut === undefined) return send(partial ? 206 : 200, headers, body);
  log(partial ? 206 : 200);
  response.writeHead(partial ? 206 : 200, { ...headers, 'content-length': String(body.length) });
  return response.write(body.subarray(0, cut), () => response.socket?.end());
}

function mediaType(content: Buffer): string | undefined {
  try {
    return JSON.parse(content.toString()).mediaType;
  } catch {
    return undefined;
  }
}

/** Puts a file there with `<path>.sha256` (or the given ending) beside it, as upstream projects do. */
export function publish(
  upstream: Upstream,
  path: string,
  content: Buffer | string,
  sumPath = `${path}.sha256`,
): void {
  const bytes = Buffer.from(content);
  upstream.files.set(path, bytes);
  const bare = sumPath.endsWith('.sha256') && !path.endsWith('.tgz');
  const line = bare ? sha256Hex(bytes) : `${sha256Hex(bytes)}  ${path.split('/').at(-1)}\n`;
  const before = upstream.files.get(sumPath)?.toString() ?? '';
  upstream.files.set(sumPath, Buffer.from(bare ? line : before + line));
}

/** A gzipped tar of programs. */
export function tarball(files: Readonly<Record<string, string>>): Buffer {
  const segments = tarSegments(
    Object.entries(files).map(([path, text]) => ({
      path,
      type: 'file',
      mode: 0o755,
      content: [Buffer.from(text)],
    })),
  );
  return gzipSync(Buffer.concat(segments as Uint8Array[]));
}

/** Puts an image for the given architectures into the registry; returns the digests of the manifests by architecture. */
export function publishImage(
  upstream: Upstream,
  repository: string,
  tag: string,
  architectures: readonly string[],
  docker = false,
): Record<string, string> {
  const put = (kind: 'manifests' | 'blobs', bytes: Buffer, name?: string) => {
    const digest = `sha256:${sha256Hex(bytes)}`;
    upstream.files.set(`/v2/${repository}/${kind}/${digest}`, bytes);
    if (name !== undefined) upstream.files.set(`/v2/${repository}/${kind}/${name}`, bytes);
    return { digest, size: bytes.length };
  };
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));
  const family = docker ? 'application/vnd.docker.distribution' : 'application/vnd.oci.image';
  const type = docker ? `${family}.manifest.v2+json` : `${family}.manifest.v1+json`;
  const manifests = architectures.map((architecture) => {
    const config = put(
      'blobs',
      json({ architecture, os: 'linux', rootfs: { type: 'layers', diff_ids: [] } }),
    );
    const layer = put('blobs', gzipSync(`${repository} ${architecture}`));
    const manifest = json({ schemaVersion: 2, mediaType: type, config, layers: [layer] });
    return { mediaType: type, ...put('manifests', manifest), platform: { os: 'linux', architecture } };
  });
  const index = docker ? `${family}.manifest.list.v2+json` : `${family}.index.v1+json`;
  put('manifests', json({ schemaVersion: 2, mediaType: index, manifests }), tag);
  return Object.fromEntries(manifests.map(({ platform, digest }) => [platform.architecture, digest]));
}
