/**
 * All benchmarks, or those that are named: `npm run bench`, `npm run bench -- startup unpack --repeats 3`. What edgeadm does is
 * measured side by side with what it is held against, in turn, in one run. Progress goes to stderr, the results to
 * stdout, as Markdown for docs/performance.md. Needs what the playground needs, and some 25 minutes.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { toEdgeadmError } from '../src/errors.ts';
import { testPackage } from '../test/e2e/support/package.ts';
import { type BenchContext, type Benchmark, table } from './benchmark.ts';
import { describeMachine, load } from './machine.ts';

const all: Record<string, () => Promise<Benchmark>> = {
  startup: async () => (await import('./startup.ts')).startup,
  unpack: async () => (await import('./unpack.ts')).unpack,
  install: async () => (await import('./install.ts')).install,
  edge: async () => (await import('./edge.ts')).edge,
  'power-cut': async () => (await import('./power-cut.ts')).powerCut,
  playground: async () => (await import('./playground.ts')).playground,
  'lite-node': async () => (await import('./lite-node.ts')).liteNode,
  'lite-apiserver': async () => (await import('./lite-apiserver-report.ts')).liteApiserver,
};

const log = (line: string): void => void process.stderr.write(`${line}\n`);
const print = (text: string): void => void process.stdout.write(`${text}\n`);

const { values, positionals: named } = parseArgs({
  allowPositionals: true,
  options: { repeats: { type: 'string' } },
});
const unknown = named.filter((name) => !(name in all));
if (unknown.length > 0) {
  log(`unknown benchmark ${unknown.join(', ')}; there are: ${Object.keys(all).join(', ')}`);
  process.exitCode = 1;
} else {
  await run(named.length > 0 ? named : Object.keys(all));
}

async function run(names: readonly string[]): Promise<void> {
  print(`## Machine\n\n${await describeMachine()}\n`);
  for (const name of names) {
    const { title, text, run } = await all[name]!();
    const folder = await mkdtemp(join(tmpdir(), 'edgeadm-bench-'));
    const context: BenchContext = {
      folder,
      package: () => testPackage(),
      ...(values.repeats !== undefined && { repeats: Number(values.repeats) }),
      log: (line) => log(`${name}: ${line}`),
    };
    const before = load();
    const began = performance.now();
    log(`${name}: begins, load average ${before}`);
    try {
      const { rows, details } = await run(context);
      print(`## ${title}\n\n${text}\n\n${table(rows)}\n${details ? `\n${details}\n` : ''}`);
      print(`${rows[0]!.ours.length} of each, in turn; load average before: ${before}.\n`);
    } catch (error) {
      const { code, message, details } = toEdgeadmError(error);
      log([`${name}: failed: ${message} (${code})`, ...details].join('\n  '));
      process.exitCode = 1;
    } finally {
      await rm(folder, { recursive: true, force: true });
      log(`${name}: took ${((performance.now() - began) / 1000).toFixed(0)} s`);
    }
  }
}
