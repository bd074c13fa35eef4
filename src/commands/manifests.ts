import { constants } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { EdgeadmError } from '../errors.ts';
import type { CommandSpec } from './spec.ts';

export const manifestsCommand: CommandSpec = {
  name: 'manifests',
  short: 'Write the manifests that edgeadm applies to a folder, to read or to change them',
  long: 'Writes every manifest that edgeadm applies to a folder. A file that is there already is left as it is. After changing some, delete the others and pass the folder to `edgeadm init --manifests-dir`.',
  examples: ['edgeadm manifests ./manifests', 'edgeadm init --manifests-dir ./manifests …'].join('\n'),
  arguments: [{ name: '[folder]', description: 'where to write them (default: ./manifests)' }],
  async run({ args, io }) {
    const { manifestNames, manifestsRoot } = await import('../kube/manifests.ts');
    const folder = resolve(io.cwd, args[0] ?? 'manifests');
    const written: string[] = [];
    const kept: string[] = [];
    for (const name of await manifestNames()) {
      const file = `${name}.yaml`;
      const target = join(folder, file);
      (await copyNew(join(manifestsRoot(), file), target)) ? written.push(target) : kept.push(target);
    }
    const lines = [
      ...written.map((file) => `wrote ${file}`),
      ...kept.map((file) => `kept ${file}, which was there`),
    ];
    return { text: lines.join('\n'), data: { folder, written, kept } };
  },
};

/** Copies a file unless its target exists. Errors: E_HOST_WRITE. */
async function copyNew(source: string, target: string): Promise<boolean> {
  try {
    await mkdir(dirname(target), { recursive: true });
  } catch (thrown) {
    throw refused(dirname(target), thrown);
  }
  try {
    await copyFile(source, target, constants.COPYFILE_EXCL);
    return true;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw refused(target, thrown);
  }
}

function refused(path: string, thrown: unknown): EdgeadmError {
  return new EdgeadmError('E_HOST_WRITE', `cannot write ${path}: ${(thrown as NodeJS.ErrnoException).code}`, {
    hint: 'Name a folder that you may write to.',
    cause: thrown,
  });
}
