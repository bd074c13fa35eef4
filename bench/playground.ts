import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type BenchContext, type Benchmark, parts } from './benchmark.ts';

const usual = 3;
const program = join(import.meta.dirname, '../bin/edgeadm');

interface Timings {
  total: number;
  phases: Record<string, number>;
  nodes: Record<string, Record<string, number>>;
}

/** The command of the README, when it has run once before. */
export const playground: Benchmark = {
  name: 'playground',
  title: 'A playground',
  text: `\`edgeadm playground create\`, one control plane and two edge nodes, until all are Ready and DNS answers on each, warm. Its first run, which builds the package, unpacks it and imports the images, is not counted.`,
  async run(context) {
    const repeats = context.repeats ?? usual;
    const name = `bench-${process.pid}`;
    const runs: Timings[] = [];
    for (let repeat = 0; repeat <= repeats; repeat++) {
      context.log(repeat === 0 ? 'first run' : `run ${repeat} of ${repeats}`);
      try {
        const timings = await create(['--name', name]);
        if (repeat > 0) runs.push(timings);
      } finally {
        await edgeadm(['playground', 'delete', '--name', name], context);
      }
    }
    const node = (role: string) => runs.map(({ nodes }) => nodes[`${name}-${role}`] ?? {});
    return {
      rows: [{ what: 'create, warm', unit: 's', ours: runs.map(({ total }) => total), goal: '< 30 s' }],
      details: [
        parts({ 'playground create': runs.map(({ phases }) => phases) }),
        parts({ 'init on the control plane': node('control-plane-1'), 'join on edge-1': node('edge-1') }),
      ].join('\n\n'),
    };
  },
};

async function create(args: readonly string[]): Promise<Timings> {
  const output = await capture(['playground', 'create', ...args, '-o', 'json']);
  const last = JSON.parse(output.trim().split('\n').at(-1)!) as { data?: { timings?: Timings } };
  if (!last.data?.timings) throw new Error(`playground create failed:\n${output.slice(-2000)}`);
  return last.data.timings;
}

async function capture(args: readonly string[]): Promise<string> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  await once(child, 'close');
  return output;
}

async function edgeadm(args: readonly string[], { log }: BenchContext): Promise<void> {
  const child = spawn(program, args, { stdio: 'ignore' });
  const [exitCode] = await once(child, 'exit');
  if (exitCode !== 0) log(`edgeadm ${args.join(' ')} ended with ${exitCode}`);
}
