import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from '../../src/commands/program.ts';
import { route } from '../../src/commands/route.ts';
import type { CommandSpec, LazyCommand } from '../../src/commands/spec.ts';
import type { FlagSpec } from '../../src/config/flags/spec.ts';

const flag = (name: string, value: FlagSpec['value'], short?: string): FlagSpec => ({
  name,
  value,
  ...(short === undefined ? {} : { short }),
  description: '',
  group: 'kubeadm',
  withConfig: true,
});

const flags = [
  flag('dry-run', 'bool'),
  flag('force', 'bool', 'f'),
  flag('node-name', 'string', 'n'),
  flag('bind-port', 'int', 'p'),
  flag('skip-phases', 'strings'),
  flag('extra-args', 'map'),
  flag('token-ttl', 'duration'),
];

const command = (name: string, more: Partial<CommandSpec> = {}): CommandSpec => ({
  name,
  short: name,
  examples: name,
  run: async () => undefined,
  ...more,
});

const program = command('edgeadm');
const make = command('make', {
  aliases: ['mk'],
  flags,
  arguments: [{ name: '[words...]', description: 'any' }],
  commands: [
    command('phase', {
      flags,
      slashes: true,
      commands: [command('certs', { flags, slashes: true, commands: [command('ca', { flags })] })],
    }),
    command('exec', {
      flags: [flag('name', 'string')],
      arguments: [{ name: '[all...]', description: '' }],
      verbatimAfter: 1,
    }),
  ],
});
const other = command('other', { flags: [flag('kind', 'string')] });
const commands: LazyCommand[] = [
  { name: 'other', short: '', load: async () => other },
  { name: 'make', aliases: ['mk'], short: '', load: async () => make },
];

async function read(...argv: string[]) {
  const way = await route(argv, program, commands);
  const { command: name, args, flags: values } = parse(way, way.path.at(-1)?.commands ?? []);
  return { name, args, values, help: way.help };
}

describe('forms of pflag', () => {
  test.each([
    [['--dry-run'], { dryRun: true }],
    [['--dry-run=true'], { dryRun: true }],
    [['--dry-run=false'], { dryRun: false }],
    [['--dry-run=T', '--force=0'], { dryRun: true, force: false }],
    [['-f'], { force: true }],
    [['-f=false'], { force: false }],
    [['-fn', 'a'], { force: true, nodeName: 'a' }],
    [['-fna'], { force: true, nodeName: 'a' }],
    [['-n=a=b'], { nodeName: 'a=b' }],
    [['--node-name', '-x'], { nodeName: '-x' }],
    [['--node-name', '--dry-run'], { nodeName: '--dry-run' }],
    [['--node-name='], { nodeName: '' }],
    [['--node-name=a', '--node-name', 'b'], { nodeName: 'b' }],
    [['-p', '1', '-p=2', '-p3'], { bindPort: 3 }],
    [['--bind-port', '-5'], { bindPort: -5 }],
    [['--skip-phases', 'a,b', '--skip-phases=c'], { skipPhases: ['a', 'b', 'c'] }],
    [['--extra-args=a=1,b=x=y', '--extra-args', 'c='], { extraArgs: ['a=1', 'b=x=y', 'c='] }],
    [['--token-ttl', '1h30m'], { tokenTtl: '1h30m' }],
    [['-v=5'], { v: 5 }],
    [['-v', '5'], { v: 5 }],
    [['-v5', '-o', 'json'], { v: 5, output: 'json' }],
  ])('%j', async (argv, values) => {
    expect(await read('make', ...argv)).toMatchObject({ name: 'make', args: [], values });
    expect((await read('make', ...argv)).values).toEqual(values);
  });

  test('a boolean never takes the next argument', async () => {
    expect(await read('make', '--dry-run', 'false', '-f', 'x')).toMatchObject({
      args: ['false', 'x'],
      values: { dryRun: true, force: true },
    });
  });

  test('nothing after -- is a flag', async () => {
    expect(await read('make', 'a', '--', '--dry-run', '-f', '--')).toMatchObject({
      args: ['a', '--dry-run', '-f', '--'],
      values: {},
    });
  });

  test('a single dash is an argument', async () => {
    expect((await read('make', '-')).args).toEqual(['-']);
  });
});

describe('commands', () => {
  test.each([
    [['make', 'phase', 'certs', 'ca'], 'make phase certs ca'],
    [['make', 'phase', 'certs/ca'], 'make phase certs ca'],
    [['mk', 'phase', 'certs'], 'make phase certs'],
    [['--dry-run', 'make', 'phase', '-n', 'phase', 'certs'], 'make phase certs'],
    [['make', '-n', 'certs', 'phase', 'certs', '-f', 'ca'], 'make phase certs ca'],
  ])('%j is "%s"', async (argv, name) => {
    expect((await read(...argv)).name).toBe(name);
  });

  test.each([
    [
      ['make', 'exec', '--name', 'x', 'node', '--', 'edgeadm', 'other', '--kind', 'y'],
      'make exec',
      { name: 'x' },
    ],
    [['make', 'exec', '--name', 'other', 'node', 'other'], 'make exec', { name: 'other' }],
    [['--node-name', 'other', 'make'], 'make', { nodeName: 'other' }],
    [['other', '--kind', 'make'], 'other', { kind: 'make' }],
    [['make', 'other'], 'make', {}],
  ])('%j: the name of another command is just a word', async (argv, name, values) => {
    expect(await read(...argv)).toMatchObject({ name, values });
  });

  test('what belongs to another program is handed on as it is', async () => {
    expect(await read('make', 'exec', '--name', 'x', 'node', 'ls', '-la', '--name', 'y')).toMatchObject({
      args: ['node', 'ls', '-la', '--name', 'y'],
      values: { name: 'x' },
    });
    expect((await read('make', 'exec', 'node', '--', 'sh', '-c', 'a -- b', '--')).args).toEqual([
      'node',
      'sh',
      '-c',
      'a -- b',
      '--',
    ]);
    expect((await read('make', 'exec', 'node', '-x')).args).toEqual(['node', '-x']);
  });

  test('help can be asked for anywhere', async () => {
    for (const argv of [
      ['-h', 'make'],
      ['make', '--help'],
      ['make', '-fh'],
      ['help', 'make'],
    ]) {
      expect(await read(...argv)).toMatchObject({ name: 'make', help: true });
    }
    expect((await read('make', '--', '--help')).help).toBe(false);
  });
});

/** One use of a flag: its forms on the command line, and what it does to the value. */
const text = fc.string({ unit: 'binary', maxLength: 12 }).filter((value) => !value.includes('\0'));
const word = fc.stringMatching(/^[a-z/.:-]{1,8}$/);
const uses = fc.oneof(
  fc
    .tuple(fc.constantFrom('dry-run', 'force'), fc.boolean())
    .chain(([name, value]) =>
      fc
        .constantFrom(
          ...[
            [`--${name}=${value}`],
            ...(value ? [[`--${name}`]] : []),
            ...(name === 'force' ? [[`-f=${value}`]] : []),
          ],
        )
        .map((written) => ({ name, value, written })),
    ),
  text.chain((value) =>
    fc
      .constantFrom([`--node-name=${value}`], ['--node-name', value], ['-n', value], [`-n=${value}`])
      .map((written) => ({
        name: 'node-name',
        value,
        written,
      })),
  ),
  fc.integer({ min: -70000, max: 70000 }).chain((value) =>
    fc
      .constantFrom([`--bind-port=${value}`], ['--bind-port', `${value}`], [`-p${value}`], [`-p=${value}`])
      .map((written) => ({
        name: 'bind-port',
        value,
        written,
      })),
  ),
  fc.array(word, { minLength: 1, maxLength: 3 }).chain((value) =>
    fc
      .constantFrom([`--skip-phases=${value.join(',')}`], ['--skip-phases', value.join(',')])
      .map((written) => ({
        name: 'skip-phases',
        value,
        written,
      })),
  ),
);

test('flags in any form, order and place give the same values and arguments', async () => {
  const line = fc.array(
    fc.oneof(
      uses,
      fc.stringMatching(/^[b-z][a-z]{0,5}$/).filter((one) => one !== 'phase' && one !== 'exec'),
    ),
    {
      maxLength: 8,
    },
  );
  await fc.assert(
    fc.asyncProperty(line, fc.array(text, { maxLength: 3 }), async (parts, rest) => {
      const expected: Record<string, unknown> = {};
      for (const part of parts) {
        if (typeof part === 'string') continue;
        const key = part.name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
        const before = (expected[key] as string[] | undefined) ?? [];
        expected[key] = Array.isArray(part.value) ? [...before, ...part.value] : part.value;
      }
      const argv = [
        'make',
        ...parts.flatMap((part) => (typeof part === 'string' ? [part] : part.written)),
        '--',
        ...rest,
      ];
      const { values, args } = await read(...argv);
      expect(values).toEqual(expected);
      expect(args).toEqual([...parts.filter((part) => typeof part === 'string'), ...rest]);
    }),
  );
});

test('any words at all end in a command or a usage error, never in a defect', async () => {
  const token = fc.oneof(
    text,
    fc.constantFrom(
      'make',
      'phase',
      'certs',
      '--',
      '-',
      '--dry-run',
      '-fx',
      '--node-name',
      '-p',
      '--=',
      '-=',
    ),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(token, { maxLength: 8 }), async (argv) => {
      try {
        await read(...argv);
      } catch (thrown) {
        expect(thrown).toMatchObject({ name: 'EdgeadmError', code: 'E_USAGE' });
      }
    }),
  );
});
