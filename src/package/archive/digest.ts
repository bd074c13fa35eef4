import { mkdir, readFile, rename, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Hex } from '../hash.ts';
import { writing } from '../host-write.ts';
import { hashSegments, type Segment } from './segments.ts';

/**
 * SHA-256 of segments. What files of known SHA-256 add up to is looked up in the cache: an image layer of some hundred
 * megabytes is then not read again only because it is a program in a tar.
 */
export async function digestOf(segments: readonly Segment[], cacheDirectory?: string): Promise<string> {
  const parts = segments.map((segment) =>
    segment instanceof Uint8Array ? sha256Hex(segment) : segment.sha256,
  );
  if (cacheDirectory === undefined || parts.includes(undefined)) return hashSegments(segments);
  const folder = join(cacheDirectory, 'digests');
  const path = join(folder, sha256Hex(JSON.stringify(parts)));
  const known = await readFile(path, 'utf8').catch(() => '');
  if (/^[0-9a-f]{64}$/.test(known)) {
    await utimes(path, new Date(), new Date()).catch(() => {});
    return known;
  }
  const digest = await hashSegments(segments);
  await writing(path, async () => {
    await mkdir(folder, { recursive: true });
    await writeFile(`${path}.${process.pid}`, digest);
    await rename(`${path}.${process.pid}`, path);
  });
  return digest;
}
