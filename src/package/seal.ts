import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EdgeadmError } from '../errors.ts';
import type { WalkOptions } from './check.ts';
import { fileIdentity } from './identity.ts';
import { openPackage } from './open.ts';
import type { InstallPackage } from './types.ts';

/** By path of an entry. */
type Seal = Record<string, string | undefined>;

/**
 * Where the seal of an unpacked package lies: beside its folder, where no entry of a package comes. It names the files in
 * which the content of the manifest was found, so that they need not be read again. A file that was written to, replaced
 * or copied is another one; hard links are the same. A seal is worth as much as the folder it lies in: only those may
 * write there who may write to the package.
 */
export const sealPath = (folder: string): string => `${folder}.seal`;

/**
 * Seals a folder that `unpackPackage` has filled or found whole. To be called when its files are on the disk: after a
 * power cut a file may keep its name and size, and not its content.
 */
export async function sealPackage({ manifest }: InstallPackage, folder: string): Promise<void> {
  const seal: Seal = Object.fromEntries(
    await Promise.all(
      manifest.entries.map(async ({ path }) => [path, await fileIdentity(join(folder, path))] as const),
    ),
  );
  await writeFile(sealPath(folder), JSON.stringify(seal), { mode: 0o600 });
}

/** Whether the folder has this package, and its files (those that pass the filter) are the ones that were sealed. */
export async function isSealed(
  opened: InstallPackage,
  folder: string,
  { filter = () => true }: Pick<WalkOptions, 'filter'> = {},
): Promise<boolean> {
  const seal = await readSeal(folder);
  if (!seal || (await digestOf(folder)) !== opened.digest) return false;
  const intact = await Promise.all(
    opened.manifest.entries.filter(filter).map(async ({ path, mode }) => {
      const at = join(folder, path);
      if (seal[path] === undefined || seal[path] !== (await fileIdentity(at))) return false;
      return ((await stat(at)).mode & 0o7777) === mode;
    }),
  );
  return intact.every(Boolean);
}

async function readSeal(folder: string): Promise<Seal | undefined> {
  try {
    return JSON.parse(await readFile(sealPath(folder), 'utf8')) as Seal;
  } catch {
    return undefined;
  }
}

async function digestOf(folder: string): Promise<string | undefined> {
  try {
    return (await openPackage(folder)).digest;
  } catch (error) {
    if (error instanceof EdgeadmError) return undefined;
    throw error;
  }
}
