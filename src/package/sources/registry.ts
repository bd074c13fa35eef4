import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EdgeadmError } from '../../errors.ts';
import { hashFile, sha256Hex } from '../hash.ts';
import { download, fetchBytes, Refused } from '../http.ts';
import type { OciImage } from '../oci/image.ts';
import type { Arch } from '../types.ts';
import { cached } from './cache.ts';
import type { Mirrors } from './mirrors.ts';
import type { FetchOptions } from './source.ts';

const INDEXES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];
const MANIFESTS = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  platform?: { architecture?: string; os?: string };
}

interface Facts {
  mediaType: string;
  manifest: Omit<Descriptor, 'mediaType'>;
  blobs: Omit<Descriptor, 'mediaType'>[];
}

/**
 * Pulls an image of one platform through the distribution API (https://github.com/opencontainers/distribution-spec),
 * with an anonymous token where the registry wants one. Every byte is checked against its digest.
 * Errors: E_PACKAGE_SOURCE, E_PACKAGE_CORRUPT, E_PACKAGE_MISMATCH (not for this architecture).
 */
export async function pullImage(
  name: string,
  arch: Arch,
  mirrors: Mirrors,
  options: FetchOptions,
): Promise<OciImage> {
  const colon = name.lastIndexOf(':');
  const { api, repository } = mirrors.repository(name.slice(0, colon));
  const tag = name.slice(colon + 1);
  const inputs = { revision: 1, image: name, arch, api, repository };
  const { folder, facts } = await cached<Facts>(options.cacheDirectory, inputs, async (partial) => {
    const registry = new Repository(`${api}${repository}/`, options);
    const { mediaType, bytes } = await registry.imageManifest(tag, name, arch);
    const manifest = { digest: `sha256:${sha256Hex(bytes)}`, size: bytes.length };
    const { config, layers } = JSON.parse(bytes.toString()) as { config: Descriptor; layers: Descriptor[] };
    const blobs = [config, ...layers].map(({ digest, size }) => ({ digest, size }));
    await writeFile(join(partial, fileOf(manifest.digest)), bytes);
    for (const blob of blobs) await registry.blob(blob, join(partial, fileOf(blob.digest)), name);
    return { mediaType, manifest, blobs };
  });
  const stored = ({ digest, size }: { digest: string; size: number }) => ({
    digest,
    size,
    content: [{ path: join(folder, fileOf(digest)), size }],
  });
  return {
    name,
    mediaType: facts.mediaType,
    manifest: stored(facts.manifest),
    blobs: facts.blobs.map(stored),
  };
}

/** Throws for a digest of another algorithm or form, which would become a file name. */
function fileOf(digest: string): string {
  const match = /^sha256:([0-9a-f]{64})$/.exec(digest);
  if (match === null)
    throw new EdgeadmError('E_PACKAGE_SOURCE', `the registry names a blob ${JSON.stringify(digest)}`);
  return match[1]!;
}

class Repository {
  readonly #base: string;
  readonly #options: FetchOptions;
  #authorization: string | undefined;

  constructor(base: string, options: FetchOptions) {
    this.#base = base;
    this.#options = options;
  }

  async imageManifest(tag: string, name: string, arch: Arch): Promise<{ mediaType: string; bytes: Buffer }> {
    const first = await this.#manifest(tag);
    if (!INDEXES.includes(first.mediaType)) return first;
    const { manifests } = JSON.parse(first.bytes.toString()) as { manifests: Descriptor[] };
    const chosen = manifests.find(
      ({ platform }) => platform?.os === 'linux' && platform.architecture === arch,
    );
    if (chosen === undefined) {
      throw new EdgeadmError('E_PACKAGE_MISMATCH', `${name} is not published for linux/${arch}`);
    }
    fileOf(chosen.digest);
    const second = await this.#manifest(chosen.digest);
    if (`sha256:${sha256Hex(second.bytes)}` !== chosen.digest) throw wrongDigest(name, chosen.digest);
    return second;
  }

  async blob(
    { digest, size }: { digest: string; size: number },
    target: string,
    name: string,
  ): Promise<void> {
    const shared = join(this.#options.cacheDirectory, 'downloads', fileOf(digest));
    await download(`${this.#base}blobs/${digest}`, shared, {
      signal: this.#options.signal,
      headers: this.#headers(),
      immutable: true,
      onProgress: (done) =>
        this.#options.emit({ type: 'progress', step: `pull ${name}`, done, total: size, unit: 'bytes' }),
    });
    const found = await hashFile(shared, this.#options.signal);
    if (`sha256:${found.sha256}` !== digest) {
      await rm(shared, { force: true });
      throw wrongDigest(name, digest);
    }
    await rename(shared, target);
  }

  async #manifest(reference: string): Promise<{ mediaType: string; bytes: Buffer }> {
    const url = `${this.#base}manifests/${reference}`;
    const accept = [...INDEXES, ...MANIFESTS].join(', ');
    const get = () =>
      fetchBytes(url, { signal: this.#options.signal, headers: { ...this.#headers(), accept } });
    const { bytes, headers } = await get().catch(async (error) => {
      if (this.#authorization !== undefined || !(await this.#authorize(error))) throw error;
      return get();
    });
    const mediaType = headers.get('content-type')?.split(';')[0]?.trim() ?? '';
    if (![...INDEXES, ...MANIFESTS].includes(mediaType)) {
      throw new EdgeadmError(
        'E_PACKAGE_SOURCE',
        `${url} is a ${mediaType || 'manifest of no type'}, which edgeadm does not know`,
      );
    }
    return { mediaType, bytes };
  }

  #headers(): Record<string, string> {
    return this.#authorization === undefined ? {} : { authorization: this.#authorization };
  }

  /** https://distribution.github.io/distribution/spec/auth/token/ */
  async #authorize(error: unknown): Promise<boolean> {
    const challenge = error instanceof Refused ? (error.challenge ?? '') : '';
    const [, parameters] = /^Bearer (.+)$/i.exec(challenge) ?? [];
    if (parameters === undefined) return false;
    const given = Object.fromEntries(
      [...parameters.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value]),
    );
    if (!given.realm) return false;
    const url = new URL(given.realm);
    for (const key of ['service', 'scope']) if (given[key]) url.searchParams.set(key, given[key]);
    const { bytes } = await fetchBytes(url.href, { signal: this.#options.signal });
    const { token, access_token } = JSON.parse(bytes.toString()) as { token?: string; access_token?: string };
    this.#authorization = `Bearer ${token ?? access_token}`;
    return true;
  }
}

function wrongDigest(name: string, digest: string): EdgeadmError {
  return new EdgeadmError('E_PACKAGE_CORRUPT', `a part of ${name} is not what its digest ${digest} says`, {
    hint: 'It was changed on the way; ask who runs the registry, or take another one.',
  });
}
