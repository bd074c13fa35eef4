import { describe, expect, test } from 'vitest';
import { EdgeadmError } from '../../../src/errors.ts';
import type { Event } from '../../../src/workflow/events.ts';
import type { Phase } from '../../../src/workflow/phase.ts';
import { runPhases } from '../../../src/workflow/run.ts';
import { select } from '../../../src/workflow/select.ts';

interface Context {
  log: string[];
  ready?: boolean;
}

const step = (name: string, more: Partial<Phase<Context>> = {}): Phase<Context> => ({
  name,
  short: `do ${name}`,
  run: async (ctx) => {
    ctx.log.push(name);
    return true;
  },
  ...more,
});

async function run(phases: Phase<Context>[], ctx: Context, signal = new AbortController().signal) {
  const events: Event[] = [];
  let clock = 0;
  const outcome = await runPhases(select(phases), ctx, {
    command: 'init',
    emit: (event) => events.push(event),
    signal,
    now: () => (clock += 500),
  }).then(
    (summary) => ({ summary }),
    (error: EdgeadmError) => ({ error }),
  );
  return { events, ...outcome };
}

describe('runPhases', () => {
  test('runs in order and tells what it does', async () => {
    const ctx: Context = { log: [] };
    const { events } = await run([step('a'), step('b', { run: async () => false })], ctx);
    expect(ctx.log).toEqual(['a']);
    expect(events.map((event) => event.type)).toEqual([
      'run-start',
      'phase-start',
      'phase-done',
      'phase-start',
      'phase-done',
    ]);
    expect(events[2]).toMatchObject({ phase: 'a', changed: true, seconds: 0.5 });
    expect(events[4]).toMatchObject({ phase: 'b', changed: false });
  });

  test('a skipped phase takes its children with it and gives its reason', async () => {
    const ctx: Context = { log: [] };
    const { events } = await run(
      [step('a', { skip: () => 'not wanted', phases: [step('child')] }), step('b')],
      ctx,
    );
    expect(ctx.log).toEqual(['b']);
    expect(events).toContainEqual({ type: 'phase-skip', phase: 'a', reason: 'not wanted' });
  });

  test('an unmet requirement ends the run before the phase did anything, with its hint', async () => {
    const ctx: Context = { log: [] };
    const { error, events } = (await run(
      [step('a', { requires: async () => ({ reason: 'no package', hint: 'run phase package' }) }), step('b')],
      ctx,
    )) as { error: EdgeadmError; events: Event[] };
    expect(ctx.log).toEqual([]);
    expect(error).toMatchObject({ code: 'E_PHASE_STATE', hint: 'run phase package' });
    expect(error.message).toContain('no package');
    expect(events.at(-1)).toMatchObject({ type: 'phase-fail', phase: 'a', code: 'E_PHASE_STATE' });
  });

  test('the first failure ends the run; a second run goes on from the machine state', async () => {
    const ctx: Context = { log: [] };
    const phases = [
      step('a', {
        run: async (c) => {
          if (c.ready) return false;
          c.ready = true;
          c.log.push('a');
          return true;
        },
      }),
      step('b', {
        run: async (c) => {
          if (!c.log.includes('failed')) {
            c.log.push('failed');
            throw new EdgeadmError('E_COMMAND', 'false failed');
          }
          c.log.push('b');
          return true;
        },
      }),
    ];
    const first = await run(phases, ctx);
    expect((first as { error: EdgeadmError }).error.code).toBe('E_COMMAND');
    const second = await run(phases, ctx);
    expect(ctx.log).toEqual(['a', 'failed', 'b']);
    expect(second.events).toContainEqual(
      expect.objectContaining({ type: 'phase-done', phase: 'a', changed: false }),
    );
  });

  test('an abort stops before the next phase', async () => {
    const controller = new AbortController();
    const ctx: Context = { log: [] };
    const { error } = (await run(
      [
        step('a', {
          run: async () => {
            controller.abort();
            return true;
          },
        }),
        step('b'),
      ],
      ctx,
      controller.signal,
    )) as { error: Error };
    expect(error.name).toBe('AbortError');
    expect(ctx.log).toEqual([]);
  });

  test('a defect is reported as one', async () => {
    const broken = step('a', {
      run: async () => {
        throw new TypeError('x is undefined');
      },
    });
    const { error } = (await run([broken], { log: [] })) as { error: EdgeadmError };
    expect(error.code).toBe('E_INTERNAL');
    expect(error.cause).toBeInstanceOf(TypeError);
  });
});
