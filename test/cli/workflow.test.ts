import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { InitContext } from '../../phases/init/context.ts';
import type { ResetContext } from '../../phases/reset/context.ts';
import { EdgeadmError } from '../../src/errors.ts';
import type { OpenHostOptions } from '../../src/host/open.ts';
import type { Phase } from '../../src/workflow/phase.ts';
import { FakeHost } from '../fakes/host.ts';
import { run, start, temporaryFolder } from './harness.ts';

const state = vi.hoisted(() => ({
  opened: [] as OpenHostOptions[],
  closed: 0,
  answers: [] as boolean[],
  waiting: undefined as (() => void) | undefined,
}));

vi.mock('../../src/host/open.ts', () => ({
  async openHost(options: OpenHostOptions) {
    state.opened.push(options);
    const host = new FakeHost({ dryRun: options.dryRun ?? false });
    host.close = async () => {
      state.closed += 1;
    };
    return host;
  },
}));

vi.mock('../../phases/init/index.ts', () => {
  const phase = (name: string, run?: Phase<InitContext>['run'], more: Partial<Phase<InitContext>> = {}) => ({
    name,
    short: `the phase ${name}`,
    ...(run ? { run } : {}),
    ...more,
  });
  const initPhases: Phase<InitContext>[] = [
    phase('one', async (ctx, { emit }) => {
      ctx.result.node = ctx.nodeName;
      emit({
        type: 'change',
        host: 'h',
        action: 'write',
        target: '/etc/x',
        summary: '',
        planned: ctx.host.dryRun,
      });
      emit({ type: 'message', text: 'how to go on' });
      return true;
    }),
    phase('two', undefined, { phases: [phase('a', async () => false), phase('b', async () => true)] }),
    phase('refuses', async () => Promise.reject(new EdgeadmError('E_PREFLIGHT', 'no', { hint: 'yes' })), {
      onlyByName: true,
    }),
    phase('breaks', async () => Promise.reject(new TypeError('x is undefined')), { onlyByName: true }),
    phase(
      'waits',
      (_, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
          state.waiting?.();
        }),
      { onlyByName: true },
    ),
    phase(
      'stubborn',
      () =>
        new Promise((resolve) => {
          setTimeout(() => resolve(true), 60_000).unref();
          state.waiting?.();
        }),
      { onlyByName: true },
    ),
  ];
  return { initPhases };
});

vi.mock('../../phases/reset/index.ts', () => {
  const ask: Phase<ResetContext> = {
    name: 'ask',
    short: 'ask',
    async run(ctx) {
      state.answers.push(await ctx.confirm('Really?'));
      return true;
    },
  };
  return { resetPhases: [ask] };
});

beforeEach(() => {
  state.opened.length = 0;
  state.closed = 0;
  state.answers.length = 0;
});

const init = ['init', '--node-name', 'm1', '-o', 'json'];

describe('init', () => {
  test('runs the phases in order and tells them as JSON lines', async () => {
    const { code, stderr, events } = await run(init);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const told = events().map(({ type, phase }) => (phase === undefined ? type : `${type} ${phase}`));
    expect(told).toEqual([
      'run-start',
      'phase-start one',
      'change',
      'message',
      'phase-done one',
      'phase-start two/a',
      'phase-done two/a',
      'phase-start two/b',
      'phase-done two/b',
      'result',
    ]);
    expect(events().at(-1)).toMatchObject({
      ok: true,
      command: 'init',
      data: {
        dryRun: false,
        node: 'm1',
        skipped: [],
        phases: [{ name: 'one', changed: true }, { name: 'two/a' }, {}],
      },
    });
    expect(state.closed).toBe(1);
  });

  test('as plain text the message is on stdout, all else on stderr', async () => {
    const { code, stdout, stderr } = await run(['init', '--node-name=m1']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'how to go on\n' });
    expect(stderr).toMatch(/^\[ +\d\.\ds\] init: 4 phases\n/);
    expect(stderr).toContain('two/a: done in 0.0s, nothing to change\n');
  });

  test('on a terminal it is a tree', async () => {
    const { stderr } = await run(['init', '--node-name=m1'], { columns: 80, env: { LANG: 'C.UTF-8' } });
    expect(stderr).toContain('edgeadm init\n');
    expect(stderr).toMatch(/ {2}✔ one/);
    expect(stderr).toContain('\u001b[?25h');
  });

  test('a dry run opens the host for planning only, and prints the plan', async () => {
    const { code, stdout } = await run(['init', '--node-name=m1', '--dry-run']);
    expect(code).toBe(0);
    expect(state.opened).toMatchObject([{ dryRun: true }]);
    expect(stdout).toBe('would write /etc/x\nhow to go on\n');
  });

  test.each([
    [['phase', 'two', 'b'], 'init phase two b', ['two/b']],
    [['phase', 'two/b'], 'init phase two b', ['two/b']],
    [['phase', 'two', 'all'], 'init phase two all', ['two/a', 'two/b']],
    [['phase', 'two'], 'init phase two', ['two/a', 'two/b']],
    [['--skip-phases', 'one,two/a'], 'init', ['two/b']],
  ])('init %j runs %s: %j', async (words, command, names) => {
    const { events } = await run(['init', ...words, '--node-name=m1', '-o=json']);
    const result = events().at(-1) as unknown as { command: string; data: { phases: { name: string }[] } };
    expect(result.command).toBe(command);
    expect(result.data.phases.map(({ name }) => name)).toEqual(names);
  });

  test("phases of the configuration file are skipped, and the flag's win", async () => {
    const cwd = await temporaryFolder();
    const file = 'apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nskipPhases: [one]\n';
    await writeFile(join(cwd, 'c.yaml'), file);
    const names = async (...argv: string[]) => {
      const { events } = await run([...init, '--config', 'c.yaml', ...argv], { cwd });
      return events().flatMap(({ type, phase }) => (type === 'phase-start' ? [phase] : []));
    };
    expect(await names()).toEqual(['two/a', 'two/b']);
    expect(await names('--skip-phases=two')).toEqual(['one']);
  });

  test.each([
    ['refuses', 2, 'E_PREFLIGHT'],
    ['breaks', 1, 'E_INTERNAL'],
  ])('the phase %s ends with %d', async (name, code, errorCode) => {
    const finished = await run(['init', 'phase', name, '--node-name=m1', '-o=json']);
    expect(finished.code).toBe(code);
    expect(finished.error()).toMatchObject({ code: errorCode, exitCode: code });
    expect(finished.events().at(-2)).toMatchObject({ type: 'phase-fail', phase: name });
    expect(state.closed).toBe(1);
  });

  test('a mistake in flags, files or phases is found before the host is opened', async () => {
    for (const argv of [
      ['--pod-network-cidr', '10.0.0.0/99'],
      ['--skip-phases', 'nope'],
      ['--config', '/nowhere/c.yaml'],
      ['--token', 'short'],
    ]) {
      expect((await run([...init, ...argv])).code).toBe(3);
    }
    expect(state.opened).toEqual([]);
  });

  test('the lock and the journal get the command line without its secrets', async () => {
    await run([...init, '--token', 'abcdef.0123456789abcdef', '--skip-phases=one']);
    expect(state.opened[0]?.command).toBe('edgeadm init --node-name=m1 --skip-phases=one --token=***');
  });

  test('root is not needed where its check is ignored', async () => {
    expect((await run([...init, '--ignore-preflight-errors=IsPrivilegedUser'], { uid: 1000 })).code).toBe(0);
    expect((await run(init, { uid: 1000 })).code).toBe(2);
    expect(state.opened).toHaveLength(1);
  });
});

describe('signals', () => {
  const begun = (argv: string[], options = {}) =>
    new Promise<ReturnType<typeof start>>((resolve) => {
      state.waiting = () => resolve(running);
      const running = start(argv, options);
    });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s ends the run with %d, and says how to go on', async (signal, code) => {
    const running = await begun(['init', 'phase', 'waits', '--node-name=m1', '-o=json']);
    running.send(signal);
    const finished = await running.finished;
    expect(finished.code).toBe(code);
    expect(finished.error()).toMatchObject({ code: 'E_INTERRUPTED' });
    expect(finished.error().hint).toContain('same command again');
    expect(state.closed).toBe(1);
    expect(running.quitWith()).toBeUndefined();
  });

  test('a second one ends at once and gives the terminal back', async () => {
    const running = await begun(['init', 'phase', 'stubborn', '--node-name=m1'], { columns: 80 });
    expect(running.stderr.text()).toContain('\u001b[?25l');
    running.send('SIGINT');
    expect(running.quitWith()).toBeUndefined();
    expect(running.stderr.text()).toContain('press Ctrl-C again');
    running.send('SIGINT');
    expect(running.quitWith()).toBe(130);
    expect(running.stderr.text().endsWith('\u001b[?25h')).toBe(true);
  });
});

describe('reset', () => {
  test.each([
    [['y'], true],
    [['Yes'], true],
    [['n'], false],
    [[''], false],
    ['', false],
    ['y\n', true],
  ])('the answer %j is %s', async (input, expected) => {
    const { stderr } = await run(['reset'], { input });
    expect(state.answers).toEqual([expected]);
    expect(stderr).toContain('Really? [y/N] ');
  });

  test('a program is not asked', async () => {
    const { stderr } = await run(['reset', '-o=json'], { input: ['y'] });
    expect(stderr).toBe('');
    expect(state.answers).toEqual([false]);
  });
});
