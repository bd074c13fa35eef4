import { mkdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { EdgeadmError } from '../errors.ts';
import { canonicalJson, sha256Hex } from './hash.ts';
import { fileIdentity } from './identity.ts';
import { openPackage } from './open.ts';
import type { PackageManifest } from './types.ts';

interface Built {
  manifest: PackageManifest;
  /** SHA-256 of the manifest, hex. */
  digest: string;
  /** Bytes of the file. */
  size: number;
}

/** Where it is noted which file was built of these inputs. Only their hash is kept. */
export function builtNote(cacheDirectory: string, inputs: unknown): string {
  return join(cacheDirectory, 'builds', sha256Hex(canonicalJson(inputs)));
}

/** What an earlier run built of the same inputs, when the file is still the one that it wrote. */
export async function findBuilt(note: string, output: string): Promise<Built | undefined> {
  const identity = await readFile(note, 'utf8').catch(() => undefined);
  if (identity === undefined || identity !== (await fileIdentity(output))) return undefined;
  await utimes(note, new Date(), new Date());
  return describe(output).catch((error) => {
    if (error instanceof EdgeadmError) return undefined;
    throw error;
  });
}

/** Notes the file that was written now. */
export async function noteBuilt(note: string, output: string): Promise<Built> {
  await mkdir(dirname(note), { recursive: true });
  await writeFile(note, String(await fileIdentity(output)));
  return describe(output);
}

async function describe(output: string): Promise<Built> {
  const { manifest, digest } = await openPackage(output);
  return { manifest, digest, size: (await stat(output)).size };
}
