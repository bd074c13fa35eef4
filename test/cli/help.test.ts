import { describe, expect, test } from 'vitest';
import { formatHelp } from '../../src/commands/help.ts';
import { commands, program } from '../../src/commands/root.ts';
import { flagsOf } from '../../src/commands/route.ts';
import type { CommandSpec } from '../../src/commands/spec.ts';
import { run } from './harness.ts';

const specs = await Promise.all(commands.map((command) => command.load()));
const all = specs.flatMap((spec) => visit([program, spec]));

function visit(path: readonly CommandSpec[]): (readonly CommandSpec[])[] {
  return [path, ...(path.at(-1)?.commands ?? []).flatMap((child) => visit([...path, child]))];
}

const words = (path: readonly CommandSpec[]): string[] => path.slice(1).map(({ name }) => name);

describe.each(all.map((path) => [words(path).join(' '), path] as const))('edgeadm %s', (command, path) => {
  test('has help with an example, and shows it', async () => {
    const help = await run([...words(path), '--help']);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toContain(`Usage:\n  edgeadm ${command}`);
    const examples = /\nExamples:\n((?: {2}.*\n|\n)+)/.exec(help.stdout)?.[1] ?? '';
    expect(examples).toContain('edgeadm ');
  });

  test('fits a narrow terminal but for examples and usage', () => {
    const help = formatHelp(path, { write: () => true, columns: 80 }, {});
    const [, after = ''] = help.split('\nUsage:');
    const flags = after.slice(after.indexOf('\n\n', after.indexOf('Examples:')));
    for (const line of flags.split('\n')) {
      const oneWord = !line.trim().includes(' ');
      if (!oneWord) expect(line.length, line).toBeLessThanOrEqual(80);
    }
  });
});

test('every flag name means one kind of value within a command, so that it can stand anywhere', () => {
  for (const spec of specs) {
    const kinds = new Map<string, boolean>();
    for (const path of visit([spec])) {
      for (const flag of flagsOf(path.at(-1)!)) {
        const isSwitch = flag.value === 'bool';
        expect(kinds.get(flag.name) ?? isSwitch, `${spec.name} --${flag.name}`).toBe(isSwitch);
        kinds.set(flag.name, isSwitch);
      }
    }
  }
});

test('what root.ts says of a command is what the command says', () => {
  for (const [at, spec] of specs.entries()) {
    expect(commands[at]).toMatchObject({ name: spec.name, short: spec.short });
    expect(commands[at]?.aliases).toEqual(spec.aliases);
  }
});

test('the program without arguments shows its help', async () => {
  const [bare, help, word] = await Promise.all([run([]), run(['--help']), run(['help'])]);
  expect(bare).toMatchObject({ code: 0, stderr: '' });
  expect(bare.stdout).toBe(help.stdout);
  expect(word.stdout).toBe(help.stdout);
});

test('help is a word too', async () => {
  expect((await run(['help', 'init', 'phase', 'certs', 'ca'])).stdout).toBe(
    (await run(['init', 'phase', 'certs', 'ca', '--help'])).stdout,
  );
});

test('init --help shows the phases in order, and those that run by name', async () => {
  const { stdout } = await run(['init', '--help']);
  const phases = [...stdout.matchAll(/^ {2}([a-z-]+) {2,}\S/gm)].map((match) => match[1]);
  const order = [
    'preflight',
    'package',
    'node-init',
    'container-runtime',
    'kubeadm',
    'cni',
    'show-join-command',
    'certs',
  ];
  expect(phases.filter((name) => order.includes(name ?? ''))).toEqual(order);
  expect(stdout).toMatch(/^ {4}\/ca /m);
});

test('a command that only groups others shows its help and fails', async () => {
  const { code, stdout, stderr } = await run(['token']);
  expect(code).toBe(3);
  expect(stdout).toContain('Usage:\n  edgeadm token [command]');
  expect(stderr).toContain('needs a command');
});

test('colour only on a terminal, and not with NO_COLOR', () => {
  const terminal = { write: () => true, isTTY: true, columns: 100 };
  expect(formatHelp([program], terminal, {}, commands)).toContain('\u001b[1mUsage:');
  expect(formatHelp([program], terminal, { NO_COLOR: '1' }, commands)).not.toContain('\u001b');
  expect(formatHelp([program], { write: () => true }, {}, commands)).not.toContain('\u001b');
});
