import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashFile } from '../hash.ts';
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

export async function filesBelow(folder: string): Promise<ProgramFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(
    paths.sort().map(async (path) => ({ ...(await hashFile(path)), name: path.slice(folder.length + 1) })),
  );
}
