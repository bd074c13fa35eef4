import { mkdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { canonicalJson, sha256Hex } from '../hash.ts';
import { refusedWrite, writing } from '../host-write.ts';

/** `$XDG_CACHE_HOME/edgeadm`, else `~/.cache/edgeadm`. */
export function cacheDirectory(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'edgeadm');
}

/** Tells apart those who make the same at once in one process. */
let runs = 0;

/**
 * Makes a folder of files once for each set of inputs: `<cache>/components/<sha256 of inputs>`. `make` fills a
 * temporary folder, which is renamed when it is whole, and returns facts that are kept beside the files.
 */
export async function cached<Facts>(
  directory: string,
  inputs: unknown,
  make: (folder: string) => Promise<Facts>,
): Promise<{ folder: string; facts: Facts }> {
  const folder = join(directory, 'components', sha256Hex(canonicalJson(inputs)));
  const known = await readFacts<Facts>(folder);
  if (known !== undefined) return { folder, facts: known };
  const partial = `${folder}.partial-${process.pid}-${++runs}`;
  await writing(partial, async () => {
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true });
  });
  try {
    const facts = await make(partial);
    await writeFile(join(partial, 'facts.json'), JSON.stringify(facts));
    await rename(partial, folder);
    return { folder, facts };
  } catch (error) {
    // Somebody else was faster: theirs was made from the same inputs.
    const theirs = await readFacts<Facts>(folder);
    if (theirs !== undefined) return { folder, facts: theirs };
    throw refusedWrite(error, folder) ?? error;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

async function readFacts<Facts>(folder: string): Promise<Facts | undefined> {
  try {
    const facts = JSON.parse(await readFile(join(folder, 'facts.json'), 'utf8')) as Facts;
    // The time of last use, for cleaning up by age.
    await utimes(folder, new Date(), new Date()).catch(() => {});
    return facts;
  } catch {
    return undefined;
  }
}
