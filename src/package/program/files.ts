import { existsSync } from 'node:fs';
import { glob, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashFile, sha256Hex } from '../hash.ts';
import { fileIdentity } from '../identity.ts';
import type { FetchedFile } from '../sources/source.ts';
import { programRoot } from './root.ts';

/** A file of the program as it lies in a package, below `edgeadm/`. */
export interface ProgramFile extends FetchedFile {
  /** Relative to the program's folder. */
  name: string;
}

/**
 * The running program as files: bundled from a checkout, or the bundle itself where it runs from one.
 * Call `dispose` when the files were read.
 */
export async function programFiles(): Promise<{ files: ProgramFile[]; dispose(): Promise<void> }> {
  const root = programRoot();
  if (!existsSync(join(root, 'src', 'cli.ts'))) {
    // In a package the runtime lies beside the program; it is added anew.
    const files = (await filesBelow(root)).filter(({ name }) => name !== 'node' && name !== 'edgeadm');
    return { files, dispose: async () => {} };
  }
  const folder = await mkdtemp(join(tmpdir(), 'edgeadm-program-'));
  const dispose = () => rm(folder, { recursive: true, force: true });
  try {
    const { bundle } = await import('./bundle.ts');
    await bundle(folder);
    return { files: await filesBelow(folder), dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** What the program is bundled from; what npm has installed is told by its lock file. */
const SOURCES = ['{src,phases,manifests}/**', 'package.json', 'package-lock.json'];

/**
 * All that the program of a package is made of, as a value that differs when any of it does: the contents of its source
 * files, and which Node.js runs this. Takes a tenth of the time of bundling.
 */
export async function programInputs(): Promise<Record<string, string | undefined>> {
  const root = programRoot();
  const checkout = existsSync(join(root, 'src', 'cli.ts'));
  const inputs: Record<string, string | undefined> = {
    npm: await fileIdentity(join(root, 'node_modules/.package-lock.json')),
    node: `${process.version} ${await fileIdentity(process.execPath)}`,
  };
  for await (const entry of glob(checkout ? SOURCES : '**', { cwd: root, withFileTypes: true })) {
    if (!entry.isFile() || entry.name === 'node') continue;
    const path = join(entry.parentPath, entry.name);
    inputs[path.slice(root.length + 1)] = sha256Hex(await readFile(path));
  }
  return inputs;
}

export async function filesBelow(folder: string): Promise<ProgramFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(
    paths.sort().map(async (path) => ({ ...(await hashFile(path)), name: path.slice(folder.length + 1) })),
  );
}
