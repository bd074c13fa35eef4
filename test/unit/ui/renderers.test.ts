import { describe, expect, test } from 'vitest';
import { EdgeadmError } from '../../../src/errors.ts';
import { createRenderer, defaultFormat, type Format } from '../../../src/ui/renderer.ts';
import type { Event } from '../../../src/workflow/events.ts';
import { FakeTerminal, recorder } from '../../fakes/terminal.ts';

const phases = [
  { name: 'preflight', short: 'check' },
  { name: 'package', short: 'unpack' },
  { name: 'certs', short: 'certificates' },
  { name: 'certs/ca', short: 'the CA' },
  { name: 'cni', short: 'network' },
];

const run: Event[] = [
  { type: 'run-start', command: 'init', phases },
  { type: 'phase-start', phase: 'preflight', short: 'check' },
  { type: 'warning', message: 'swap is on', hint: 'Turn it off.' },
  { type: 'phase-done', phase: 'preflight', seconds: 0.42, changed: false },
  { type: 'phase-start', phase: 'package', short: 'unpack' },
  { type: 'progress', phase: 'package', step: 'unpack', done: 50_000_000, total: 200_000_000, unit: 'bytes' },
  { type: 'log', level: 2, message: 'a \u001b[31mred\u001b[0m line\r', source: 'tar' },
  { type: 'phase-done', phase: 'package', seconds: 3.1, changed: true },
  { type: 'phase-start', phase: 'certs/ca', short: 'the CA' },
  { type: 'phase-done', phase: 'certs/ca', seconds: 12.4, changed: true },
  { type: 'phase-skip', phase: 'cni', reason: 'the CNI is none' },
  { type: 'message', text: 'join with: edgeadm join 10.0.0.1:6443\n' },
  { type: 'result', ok: true, command: 'init', data: { nodes: 1 } },
];

const failure = new EdgeadmError('E_COMMAND', 'swapoff -a failed with exit status 255', {
  host: 'edge-1',
  details: ['swapoff: /swap: Cannot allocate memory'],
  hint: 'Free memory,\nthen run again.',
});

async function render(format: Format, events: Event[], verbosity = 0, error?: EdgeadmError) {
  let clock = 0;
  const stdout = recorder();
  const stderr = format === 'tree' ? new FakeTerminal() : recorder();
  const env = { LANG: 'C.UTF-8', NO_COLOR: '1' };
  const renderer = await createRenderer(format, {
    stdout,
    stderr,
    env,
    verbosity,
    command: 'init',
    now: () => clock,
  });
  for (const event of events) {
    renderer.emit(event);
    clock += 100;
  }
  if (error) renderer.fail(error);
  renderer.close();
  return { stdout: stdout.text(), stderr };
}

const plain = async (events: Event[], verbosity = 0, error?: EdgeadmError) => {
  const { stdout, stderr } = await render('plain', events, verbosity, error);
  return { stdout, stderr: (stderr as ReturnType<typeof recorder>).lines() };
};

describe('plain', () => {
  test('one line per event on stderr, messages on stdout', async () => {
    const { stdout, stderr } = await plain(run);
    expect(stdout).toBe('join with: edgeadm join 10.0.0.1:6443\n');
    expect(stderr).toEqual([
      '[   0.0s] init: 5 phases',
      '[   0.1s] preflight: check',
      'warning: swap is on',
      '  hint: Turn it off.',
      '[   0.3s] preflight: done in 0.4s, nothing to change',
      '[   0.4s] package: unpack',
      '[   0.7s] package: done in 3.1s',
      '[   0.8s] certs/ca: the CA',
      '[   0.9s] certs/ca: done in 12s',
      '[   1.0s] cni: skipped: the CNI is none',
    ]);
  });

  test('log lines come at their level, without control characters', async () => {
    expect((await plain(run, 1)).stderr.join()).not.toContain('red');
    expect((await plain(run, 2)).stderr).toContain('[   0.6s] tar: a red line');
  });

  test('progress of one step is told every few seconds, its completion always', async () => {
    const steps = Array.from({ length: 100 }, (_, at): Event => {
      return { type: 'progress', phase: 'p', step: 's', done: at, total: 99, unit: 'items' };
    });
    const { stderr } = await plain(steps);
    expect(stderr.map((line) => line.slice(10))).toEqual([
      'p: s 0/99 (0%)',
      'p: s 30/99 (30%)',
      'p: s 60/99 (60%)',
      'p: s 90/99 (90%)',
      'p: s 99/99 (100%)',
    ]);
  });

  test('a running phase is told of only when it takes its time', async () => {
    const checks = Array.from({ length: 70 }, (_, at): Event => {
      return { type: 'progress', step: `check ${at}`, done: at, total: 70, unit: 'items' };
    });
    const { stderr } = await plain([{ type: 'phase-start', phase: 'preflight', short: 'check' }, ...checks]);
    expect(stderr).toEqual([
      '[   0.0s] preflight: check',
      '[   3.0s] preflight: check 29 29/70 (41%)',
      '[   6.0s] preflight: check 59 59/70 (84%)',
    ]);
  });

  test('a plan goes to stdout', async () => {
    const { stdout } = await plain([
      { type: 'change', host: 'h', action: 'write', target: '/etc/x', summary: '12 lines', planned: true },
      { type: 'change', host: 'h', action: 'write', target: '/etc/y', summary: '', planned: false },
    ]);
    expect(stdout).toBe('would write /etc/x (12 lines)\n');
  });

  test('a failure names host, cause, details, hint and manual', async () => {
    const { stdout, stderr } = await plain([], 0, failure);
    expect(stdout).toBe('');
    expect(stderr).toEqual([
      'error on edge-1: swapoff -a failed with exit status 255',
      '  | swapoff: /swap: Cannot allocate memory',
      '  hint: Free memory,',
      '        then run again.',
      '  see docs/troubleshooting.md#E_COMMAND',
    ]);
  });
});

describe('json', () => {
  const lines = (text: string) =>
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Event);

  test('one event a line on stdout, the result last', async () => {
    const { stdout, stderr } = await render('json', run);
    expect((stderr as ReturnType<typeof recorder>).text()).toBe('');
    expect(lines(stdout)).toEqual(run.filter(({ type }) => type !== 'log'));
    expect(lines(stdout).at(-1)).toEqual({ type: 'result', ok: true, command: 'init', data: { nodes: 1 } });
  });

  test('a failure is the result', async () => {
    const { stdout } = await render('json', run.slice(0, 2), 0, failure);
    expect(lines(stdout).at(-1)).toEqual({
      type: 'result',
      ok: false,
      command: 'init',
      error: {
        code: 'E_COMMAND',
        message: 'swapoff -a failed with exit status 255',
        host: 'edge-1',
        hint: 'Free memory,\nthen run again.',
        details: ['swapoff: /swap: Cannot allocate memory'],
        exitCode: 1,
      },
    });
  });
});

describe('tree', () => {
  const screen = async (events: Event[], error?: EdgeadmError) => {
    const { stdout, stderr } = await render('tree', events, 0, error);
    const terminal = stderr as FakeTerminal;
    expect(terminal.cursorHidden).toBe(false);
    return { stdout, screen: terminal.screen() };
  };

  test('finished phases stay, warnings and messages come last', async () => {
    const { stdout, screen: lines } = await screen(run);
    expect(stdout).toBe('join with: edgeadm join 10.0.0.1:6443\n');
    expect(lines).toEqual([
      'edgeadm init',
      '  ✔ preflight  nothing to change',
      '  ✔ package    3.1s',
      '  · certs',
      '    ✔ ca       12s',
      '  ↷ cni        skipped: the CNI is none',
      'warning: swap is on',
      '  hint: Turn it off.',
      'done in 1.3s',
    ]);
  });

  test('a failed phase and its error are the last things on the screen', async () => {
    const { screen: lines } = await screen(
      [
        ...run.slice(0, 5),
        { type: 'phase-fail', phase: 'package', seconds: 1, code: 'E_COMMAND', message: 'm' },
      ],
      failure,
    );
    expect(lines.slice(0, 3)).toEqual([
      'edgeadm init',
      '  ✔ preflight  nothing to change',
      '  ✖ package    1.0s  E_COMMAND',
    ]);
    expect(lines).toContain('error on edge-1: swapoff -a failed with exit status 255');
    expect(lines.join('\n')).not.toContain('· cni');
  });

  test('progress without a phase belongs to the one that runs', async () => {
    const { screen: lines } = await screen([
      ...run.slice(0, 2),
      { type: 'progress', step: 'check Swap', done: 1, total: 2, unit: 'items' },
      { type: 'progress', step: 'check Port', done: 2, total: 2, unit: 'items' },
      { type: 'phase-done', phase: 'preflight', seconds: 0.1, changed: true },
    ]);
    expect(lines).toEqual(['edgeadm init', '  ✔ preflight  0.1s']);
  });

  test('steps outside phases become rows of their own', async () => {
    const { screen: lines } = await screen([
      { type: 'progress', step: 'boot' },
      { type: 'progress', step: 'build etcd', done: 1, total: 2, unit: 'items' },
      { type: 'progress', step: 'build etcd', done: 2, total: 2, unit: 'items' },
    ]);
    expect(lines).toEqual(['  ✔ boot                      0.1s', '  ✔ build etcd                0.1s']);
  });
});

test('a tree needs a terminal that can redraw, and no CI', () => {
  const terminal = recorder({ isTTY: true });
  expect(defaultFormat(terminal, {})).toBe('tree');
  expect(defaultFormat(terminal, { CI: 'true' })).toBe('plain');
  expect(defaultFormat(terminal, { TERM: 'dumb' })).toBe('plain');
  expect(defaultFormat(recorder(), {})).toBe('plain');
});
