import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/** A file on this machine with what a manifest says about it. */
export interface FetchedFile {
  path: string;
  size: number;
  /** Lower-case hex. */
  sha256: string;
}

/** Lower-case hex. */
export function sha256Hex(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Size and SHA-256 of a file. */
export async function hashFile(path: string, signal?: AbortSignal): Promise<FetchedFile> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, ...(signal && { signal }) })) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { path, size, sha256: hash.digest('hex') };
}

/** JSON with sorted keys, so that equal values have equal hashes. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, item) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}
