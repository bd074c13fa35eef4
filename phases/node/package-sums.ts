import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PackageManifest } from '../../src/package/types.ts';

/** Sums by path of the files of an unpacked package: unpacking has proven them, so what is installed need not be hashed again. */
export async function packageSums(root: string): Promise<(path: string) => { sha256?: string }> {
  const { entries } = JSON.parse(await readFile(join(root, 'manifest.json'), 'utf8')) as PackageManifest;
  const sums = new Map(entries.map(({ path, sha256 }) => [join(root, path), sha256]));
  return (path) => {
    const sha256 = sums.get(path);
    return sha256 === undefined ? {} : { sha256 };
  };
}
