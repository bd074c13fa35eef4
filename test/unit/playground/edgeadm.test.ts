import { describe, expect, it } from 'vitest';
import { outcomeError, runEdgeadm } from '../../../src/playground/edgeadm.ts';
import type { Event } from '../../../src/workflow/events.ts';
import { fakeProvider } from '../../fakes/provider.ts';

const output = (...values: unknown[]) =>
  values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))).join('\n');

describe('edgeadm in a node', () => {
  it('is read event by event, up to its result', async () => {
    const provider = fakeProvider();
    const started = { type: 'phase-start', phase: 'preflight', short: 'x' };
    provider.onExec = () => ({
      stdout: output(started, 'a stray line', '{"not": "an event"}', {
        type: 'result',
        ok: true,
        command: 'init',
        data: { join: 1 },
      }),
    });
    const seen: Event[] = [];
    const outcome = await runEdgeadm(provider, 'n', ['init'], { onEvent: (event) => seen.push(event) });
    expect(provider.executed[0]?.command).toEqual(['edgeadm', 'init', '-o', 'json']);
    expect(outcome).toMatchObject({
      exitCode: 0,
      result: { data: { join: 1 } },
      output: ['a stray line', '{"not": "an event"}'],
    });
    expect(outcome.events).toEqual([started]);
    expect(seen).toEqual([started]);
  });
  it('that fails gives an error with its own words', async () => {
    const provider = fakeProvider();
    const error = {
      code: 'E_PREFLIGHT',
      message: 'port 6443 is in use',
      hint: 'stop it',
      details: ['Port-6443'],
      exitCode: 2,
    };
    provider.onExec = () => ({
      exitCode: 2,
      stdout: output({ type: 'result', ok: false, command: 'init', error }),
    });
    const outcome = await runEdgeadm(provider, 'n', ['init']);
    expect(outcomeError('n', 'init', outcome)).toMatchObject({
      code: 'E_PLAYGROUND',
      host: 'n',
      message: 'edgeadm init failed: port 6443 is in use (E_PREFLIGHT)',
      details: ['Port-6443'],
      hint: 'stop it',
    });
  });
  it('that was killed gives its last lines', async () => {
    const provider = fakeProvider();
    provider.onExec = () => ({ exitCode: 137, stderr: 'Killed' });
    const outcome = await runEdgeadm(provider, 'n', ['init']);
    expect(outcome.result).toBeUndefined();
    expect(outcomeError('n', 'init', outcome)).toMatchObject({
      message: 'edgeadm init failed: it ended with exit status 137',
      details: ['Killed'],
    });
  });
});
