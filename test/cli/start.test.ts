import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test, vi } from 'vitest';
import { temporaryFolder } from './harness.ts';

// Starts other programs, which takes its time on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const root = fileURLToPath(new URL('../..', import.meta.url));

const hook = `import { registerHooks } from 'node:module';
const seen = [];
registerHooks({ load(url, context, next) { seen.push(url); return next(url, context); } });
process.on('exit', () => process.stderr.write(JSON.stringify(seen)));
`;

/** Modules that a command line loads: paths below the project, or names of Node's own. */
async function loaded(...argv: string[]): Promise<string[]> {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'hook.mjs'), hook);
  const node = join(root, 'node_modules/node/bin/node');
  const program = ['--import', join(folder, 'hook.mjs'), join(root, 'src/cli.ts'), ...argv];
  const { stderr } = spawnSync(node, program, { encoding: 'utf8', cwd: folder });
  return (JSON.parse(stderr) as string[]).map((url) =>
    url.startsWith('file:') ? fileURLToPath(url).slice(root.length) : url,
  );
}

test('version loads hardly anything', async () => {
  expect((await loaded('version')).sort()).toEqual([
    'package.json',
    'src/cli.ts',
    'src/commands/io.ts',
    'src/commands/program-version.ts',
    'src/commands/version.ts',
    'src/errors.ts',
  ]);
});

/** Each takes tens of milliseconds to load, and no help needs one. */
const heavy =
  /node_modules\/(@kubernetes|execa|tar|node-ssh|ssh2|listr2|commander|semver|ipaddr|js-yaml)|^node:(https?|tls|child_process)$/;

test.each([
  ['init'],
  ['join'],
  ['reset'],
  ['token'],
  ['config'],
  ['certs'],
  ['package'],
  ['playground'],
  ['manifests'],
  ['completion'],
])('%s --help loads no heavy library', async (command) => {
  expect((await loaded(command, '--help')).filter((module) => heavy.test(module))).toEqual([]);
});
