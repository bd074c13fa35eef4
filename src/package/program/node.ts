import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hashFile } from '../hash.ts';
import { cached } from '../sources/cache.ts';
import { runTool } from '../sources/run.ts';
import type { FetchedFile, FetchOptions } from '../sources/source.ts';
import type { Arch } from '../types.ts';

const OWN_ARCH = process.arch === 'x64' ? 'amd64' : process.arch;

/** The Node.js that runs this program, without its symbols; for another architecture the same version from npm. */
export async function nodeRuntime(
  arch: Arch,
  options: FetchOptions,
): Promise<{ file: FetchedFile; version: string; origin: string }> {
  const { version } = process;
  const npmPackage = `node-linux-${arch === 'amd64' ? 'x64' : arch}`;
  const own = arch === OWN_ARCH;
  const inputs = {
    revision: 1,
    node: version,
    arch,
    ...(own && { sha256: (await hashFile(process.execPath)).sha256 }),
  };
  const { folder, facts } = await cached(options.cacheDirectory, inputs, async (partial) => {
    const target = join(partial, 'node');
    if (own) {
      await copyFile(process.execPath, target);
      await runTool('strip', ['--strip-unneeded', target], {
        signal: options.signal,
        step: 'strip node',
        hint: 'Run: apt-get install -y binutils',
      });
    } else {
      await fetchFromNpm(`${npmPackage}@${version.slice(1)}`, partial, options);
    }
    const { size, sha256 } = await hashFile(target);
    return { size, sha256 };
  });
  return { file: { ...facts, path: join(folder, 'node') }, version, origin: `npm ${npmPackage}` };
}

/** npm checks the integrity of what it fetches. */
async function fetchFromNpm(name: string, folder: string, options: FetchOptions): Promise<void> {
  const step = `fetch ${name}`;
  options.emit({ type: 'progress', step });
  const args = ['pack', '--json', '--pack-destination', folder, name];
  const [packed] = JSON.parse(await runTool('npm', args, { signal: options.signal, step })) as {
    filename: string;
  }[];
  const archive = join(folder, packed!.filename);
  const { extract } = await import('tar');
  await extract({ file: archive, cwd: folder, strip: 2 }, ['package/bin/node']);
  await rm(archive);
}
