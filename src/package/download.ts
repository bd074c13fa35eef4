import { basename, join } from 'node:path';
import { sha256Hex } from './hash.ts';
import { download } from './http.ts';
import { cacheDirectory } from './sources/cache.ts';
import type { OpenOptions } from './types.ts';

/** Downloads a package and returns where it is; one that is there already and did not change is not fetched again. */
export async function downloadPackage(url: string, options: OpenOptions): Promise<string> {
  const folder = options.downloadDirectory ?? join(cacheDirectory(), 'downloads');
  const name = basename(new URL(url).pathname) || 'package';
  const path = join(folder, `${sha256Hex(url).slice(0, 16)}-${name}`);
  const step = 'download package';
  await download(url, path, {
    signal: options.signal,
    onProgress: (done, total) =>
      options.emit?.({ type: 'progress', step, done, unit: 'bytes', ...(total !== undefined && { total }) }),
  });
  return path;
}
