import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { openPackage } from '../src/package/open.ts';
import { unpackPackage } from '../src/package/unpack.ts';
import { alternate, type BenchContext, type Benchmark, type Row } from './benchmark.ts';

const usual = 40;
const checkout = join(import.meta.dirname, '../bin/edgeadm');

/** How long a command line takes that does next to nothing. */
export const startup: Benchmark = {
  name: 'startup',
  title: 'Starting',
  text: `Wall time of a process. The program is the one of the install package, started through a link as on a node; \`kubeadm\` is the one of the same package.`,
  async run(context) {
    const { repeats = usual } = context;
    const { edgeadm, kubeadm } = await installed(context);
    const commands = {
      kubeadm: [kubeadm, 'version'],
      version: [edgeadm, 'version'],
      help: [edgeadm, 'init', '--help'],
      checkoutVersion: [checkout, 'version'],
      checkoutHelp: [checkout, 'init', '--help'],
    };
    for (const command of Object.values(commands)) for (let i = 0; i < 3; i++) await milliseconds(command);
    const times = await alternate(
      Object.fromEntries(
        Object.entries(commands).map(([name, command]) => [name, () => milliseconds(command)]),
      ) as Record<keyof typeof commands, () => Promise<number>>,
      repeats,
    );
    const theirs = times.kubeadm;
    const row = (what: string, ours: number[], goal?: string): Row => ({
      ...{ what: `${what} against \`kubeadm version\``, unit: 'ms', ours, theirs },
      ...(goal !== undefined && { goal }),
    });
    return {
      rows: [
        row('`edgeadm version`', times.version, '≤ 2.0'),
        row('`edgeadm init --help`', times.help, '≤ 2.0'),
        row('`bin/edgeadm version` in a checkout', times.checkoutVersion),
        row('`bin/edgeadm init --help` in a checkout', times.checkoutHelp),
      ],
    };
  },
};

/** Unpacks both programs, and links edgeadm as `edgeadm init` does on a node. */
async function installed({ folder, package: build }: BenchContext) {
  const root = join(folder, 'package');
  const wanted = (path: string) => path.startsWith('edgeadm/') || path === 'bin/kubeadm';
  await unpackPackage(await openPackage(await build()), root, { filter: ({ path }) => wanted(path) });
  const edgeadm = join(folder, 'edgeadm');
  await symlink(join(root, 'edgeadm/edgeadm'), edgeadm);
  return { edgeadm, kubeadm: join(root, 'bin/kubeadm') };
}

async function milliseconds([file, ...args]: string[]): Promise<number> {
  const began = performance.now();
  const child = spawn(file!, args, { stdio: 'ignore' });
  const [exitCode] = (await once(child, 'exit')) as [number | null];
  const took = performance.now() - began;
  if (exitCode !== 0) throw new Error(`${[file, ...args].join(' ')} ended with ${exitCode}`);
  return took;
}
