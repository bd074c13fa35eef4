import { execFile } from 'node:child_process';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openPackage } from '../src/package/open.ts';
import { unpackPackage } from '../src/package/unpack.ts';
import { alternate, type Benchmark, seconds } from './benchmark.ts';

const run = promisify(execFile);
const usual = 5;

/** Verifying and unpacking the package against the tools that one would use. */
export const unpack: Benchmark = {
  name: 'unpack',
  title: 'Verifying and unpacking the package',
  text: `The whole package, against \`sha256sum\` of the file and then \`tar -x\` of it (\`zstd\` decompresses). edgeadm checks each of the files in it against the manifest while it unpacks.`,
  async run({ folder, package: build, log, repeats = usual }) {
    const file = await build();
    const target = join(folder, 'package');
    const fresh = async (): Promise<void> => {
      await rm(target, { recursive: true, force: true });
      // What others have written is not to be waited for within the time that is taken.
      await run('sync', ['--file-system', folder]);
    };
    const times = await alternate(
      {
        edgeadm: async () => {
          await fresh();
          return seconds(async () => unpackPackage(await openPackage(file), target));
        },
        tools: async () => {
          await fresh();
          await mkdir(target);
          return seconds(async () => {
            await run('sha256sum', [file]);
            await run('tar', ['--zstd', '-xf', file, '-C', target]);
          });
        },
      },
      repeats,
    );
    const { size } = await stat(file);
    log(`${file}: ${size} bytes`);
    const what = `verify and unpack ${(size / 1e6).toFixed(0)} MB`;
    return {
      rows: [{ what, unit: 's', ours: times.edgeadm, theirs: times.tools, goal: '≤ 1.5' }],
    };
  },
};
