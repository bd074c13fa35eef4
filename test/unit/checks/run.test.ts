import { describe, expect, it } from 'vitest';
import { error, warning } from '../../../phases/checks/check.ts';
import { type Check, initChecks, joinChecks, runChecks } from '../../../phases/checks/index.ts';
import { EdgeadmError } from '../../../src/errors.ts';
import type { Event } from '../../../src/workflow/events.ts';
import { FakeHost } from '../../fakes/host.ts';
import { healthyHost, initSettings, joinSettings } from './support.ts';

const check = (
  name: string,
  run: Check<object>['run'],
  more: Partial<Check<object>> = {},
): Check<object> => ({ name, run, ...more });

async function run(checks: Check<object>[], ignore: string[] = [], signal = new AbortController().signal) {
  const events: Event[] = [];
  const result = await runChecks(
    checks,
    new FakeHost(),
    {},
    { ignore, emit: (event) => events.push(event), signal },
  ).then(
    (warnings) => ({ warnings, failure: undefined }),
    (failure) => ({ warnings: [], failure: failure as EdgeadmError }),
  );
  return { ...result, events };
}

describe('runChecks', () => {
  const bad = check('NumCPU', async () => [error('1 CPU', 'add one')]);
  const worse = check('Port', async () => [
    error('port 6443 is in use', 'stop nginx', 'Port-6443'),
    warning('port 80 looks odd', 'look', 'Port-80'),
  ]);

  it('reports all errors at once, each with its fix, and how to ignore them', async () => {
    const { failure, events } = await run([bad, worse]);
    expect(failure).toMatchObject({ code: 'E_PREFLIGHT', exitCode: 2 });
    expect(failure?.message).toBe('2 preflight checks failed: NumCPU, Port-6443');
    expect(failure?.details).toEqual([
      '[NumCPU] 1 CPU',
      '  fix: add one',
      '[Port-6443] port 6443 is in use',
      '  fix: stop nginx',
    ]);
    expect(failure?.hint).toContain('--ignore-preflight-errors=NumCPU,Port-6443');
    expect(events.filter(({ type }) => type === 'warning')).toEqual([
      { type: 'warning', code: 'Port-80', message: 'port 80 looks odd', hint: 'look' },
    ]);
  });

  it('names the only error in the message', async () => {
    expect((await run([bad])).failure?.message).toBe('NumCPU: 1 CPU');
  });

  it.each([[['numcpu', ' Port-6443 ']], [['NumCPU', 'Port']], [['all']], [['ALL']]])(
    'makes warnings of errors that are ignored: %j',
    async (ignore) => {
      const { warnings, failure } = await run([bad, worse], ignore);
      expect(failure).toBeUndefined();
      expect(warnings.map(({ name }) => name)).toEqual(['NumCPU', 'Port-6443', 'Port-80']);
    },
  );

  it('takes the names of kubeadm checks that cover one', async () => {
    const covered = check('Cgroups', async () => [error('no memory', 'x')], {
      aliases: ['SystemVerification'],
    });
    expect((await run([covered], ['SystemVerification'])).failure).toBeUndefined();
    expect((await run([covered], ['Other'])).failure).toBeDefined();
  });

  it('runs all at once, and leaves out what does not apply', async () => {
    let waiting: (() => void) | undefined;
    const first = check('A', () => new Promise((resolve) => (waiting = () => resolve([]))));
    const second = check('B', async () => {
      waiting?.();
      return [];
    });
    const never = check('C', async () => [error('x', 'y')], { applies: () => false });
    const { failure, events } = await run([first, second, never]);
    expect(failure).toBeUndefined();
    expect(events.filter(({ type }) => type === 'progress')).toHaveLength(2);
  });

  it('gives a check that hangs up, by name', async () => {
    const slow = check('Slow', () => new Promise(() => {}), { timeoutMs: 20 });
    const { failure } = await run([slow, bad]);
    expect(failure?.details.join()).toContain('the check Slow did not finish within 0.02 s');
    expect(failure?.details.join()).toContain('1 CPU');
  });

  it('turns errors of the host into findings; a missing program is only a warning', async () => {
    const missing = check('A', async () => {
      throw new EdgeadmError('E_COMMAND_MISSING', 'no program ip', { hint: 'install iproute2' });
    });
    const broken = check('B', async () => {
      throw new EdgeadmError('E_COMMAND', 'df failed', { hint: 'look' });
    });
    const { failure, events } = await run([missing, broken]);
    expect(failure?.details).toEqual(['[B] could not be checked: df failed', '  fix: look']);
    expect(JSON.stringify(events)).toContain('could not be checked: no program ip');
  });

  it('does not hide a defect of its own', async () => {
    const defect = check('A', async () => {
      throw new TypeError('undefined is not a function');
    });
    expect((await run([defect])).failure).toBeInstanceOf(TypeError);
  });

  it('stops at once when it is told to', async () => {
    const controller = new AbortController();
    const slow = check('Slow', () => new Promise(() => {}));
    const work = run([slow], [], controller.signal);
    controller.abort();
    expect((await work).failure).toMatchObject({ name: 'AbortError' });
  });
});

describe('the lists', () => {
  const signal = new AbortController().signal;

  it('find nothing on a healthy host, and change nothing', async () => {
    const host = healthyHost();
    expect(await runChecks(initChecks, host, initSettings(), { ignore: [], emit: () => {}, signal })).toEqual(
      [],
    );
    const offline = joinChecks.filter(({ name }) => name !== 'Discovery');
    expect(await runChecks(offline, host, joinSettings(), { ignore: [], emit: () => {}, signal })).toEqual(
      [],
    );
    expect(host.journal).toEqual([]);
  });

  it('have names that --ignore-preflight-errors can tell apart', () => {
    const names = joinChecks.map(({ name }) => name.toLowerCase());
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[a-z0-9]+$/);
  });

  it('survive a host on which nothing answers', async () => {
    const host = new FakeHost();
    await expect(
      runChecks(initChecks, host, initSettings(), { ignore: ['all'], emit: () => {}, signal }),
    ).resolves.toBeDefined();
  });
});
