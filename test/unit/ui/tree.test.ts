import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Look, type Row, rowText, visible } from '../../../src/ui/rows.ts';
import { symbols } from '../../../src/ui/terminal.ts';
import { treeRenderer } from '../../../src/ui/tree.ts';
import type { Event } from '../../../src/workflow/events.ts';
import { FakeTerminal, recorder } from '../../fakes/terminal.ts';

const look: Look = {
  paint: (_, text) => text,
  marks: symbols({ LANG: 'C.UTF-8' }),
  frame: 0,
  width: 100,
  nameWidth: 18,
  now: 10_000,
};

const row = (more: Partial<Row>): Row => ({
  name: 'container-runtime',
  label: 'container-runtime',
  depth: 0,
  state: 'running',
  note: '',
  startedAt: 0,
  step: false,
  printed: false,
  progress: undefined,
  ...more,
});

test('a running phase shows its step, a bar, numbers and the time that is left', () => {
  const progress = {
    type: 'progress',
    step: 'import images',
    done: 100_000_000,
    total: 400_000_000,
    unit: 'bytes',
  } as const;
  expect(rowText(row({ progress }), look)).toBe(
    '  ⠋ container-runtime   import images  █████░░░░░░░░░░░░░░░  25%  100 MB/400 MB  30s left',
  );
  expect(rowText(row({ progress }), { ...look, width: 60 })).toBe(
    '  ⠋ container-runtime   import images  25%  100 MB/400 MB  …',
  );
});

test('without numbers it shows how long it has been at it, once that is worth knowing', () => {
  const progress = { type: 'progress', step: 'wait' } as const;
  expect(rowText(row({ progress }), look)).toBe('  ⠋ container-runtime   wait  10s');
  expect(rowText(row({ progress, startedAt: 9000 }), look)).toBe('  ⠋ container-runtime   wait');
});

test('pending phases that do not fit are counted', () => {
  const rows = [row({}), ...Array.from({ length: 9 }, (_, at) => row({ state: 'pending', label: `p${at}` }))];
  expect(visible(rows, 4, look).slice(1)).toEqual(['  · p0', '  · p1', '  · 7 more']);
  expect(visible(rows, 20, look)).toHaveLength(10);
});

test('an ASCII terminal gets ASCII', () => {
  const text = rowText(row({ state: 'done', note: '1.0s' }), { ...look, marks: symbols({ LANG: 'C' }) });
  expect(text).toBe('  + container-runtime   1.0s');
});

test('a question gets the terminal to itself, and the tree comes back after it', () => {
  const terminal = new FakeTerminal();
  const options = {
    stdout: recorder(),
    stderr: terminal,
    env: { NO_COLOR: '1' },
    verbosity: 0,
    command: 'reset',
  };
  const tree = treeRenderer(options);
  tree.emit({ type: 'run-start', command: 'reset', phases: [{ name: 'a', short: '' }] });
  tree.emit({ type: 'phase-start', phase: 'a', short: '' });
  const resume = tree.pause();
  expect(terminal.screen()).toEqual(['edgeadm reset']);
  expect(terminal.cursorHidden).toBe(false);
  terminal.write('sure? y\n');
  tree.emit({ type: 'log', level: 0, message: 'meanwhile' });
  resume();
  tree.emit({ type: 'phase-done', phase: 'a', seconds: 1, changed: true });
  tree.close();
  expect(terminal.screen().slice(0, 2)).toEqual(['edgeadm reset', 'sure? y']);
  expect(terminal.screen().at(-1)).toMatch(/\+ a {9}1\.0s/);
});

const names = [
  'preflight',
  'certs',
  'certs/ca',
  'certs/etcd-healthcheck-client-with-a-very-long-name',
  'cni',
];
const name = fc.constantFrom(...names);
const text = fc.string({ unit: 'binary', maxLength: 200 });
const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ type: fc.constant('phase-start' as const), phase: name, short: text }),
  fc.record({ type: fc.constant('phase-skip' as const), phase: name, reason: text }),
  fc.record({
    type: fc.constant('phase-done' as const),
    phase: name,
    seconds: fc.double({ min: 0, max: 1e5, noNaN: true }),
    changed: fc.boolean(),
  }),
  fc.record({
    type: fc.constant('phase-fail' as const),
    phase: name,
    seconds: fc.double({ min: 0, max: 1e5, noNaN: true }),
    code: fc.constant('E_COMMAND'),
    message: text,
  }),
  fc.record(
    {
      type: fc.constant('progress' as const),
      phase: name,
      step: text,
      done: fc.nat(),
      total: fc.nat(),
      unit: fc.constantFrom('bytes' as const, 'items' as const),
    },
    { requiredKeys: ['type', 'step'] },
  ),
);

test('whatever happens, live lines never wrap and are gone at the end', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), fc.integer({ min: 21, max: 120 }), (events, columns) => {
      const terminal = new FakeTerminal(columns, 8);
      const tree = treeRenderer({
        stdout: recorder(),
        stderr: terminal,
        env: { LANG: 'C.UTF-8', NO_COLOR: '1' },
        verbosity: 0,
        command: 'init',
      });
      tree.emit({
        type: 'run-start',
        command: 'init',
        phases: names.map((one) => ({ name: one, short: '' })),
      });
      for (const one of events) tree.emit(one);
      tree.close();
      expect(terminal.cursorHidden).toBe(false);
      expect(terminal.screen().filter((line) => /⠋|^\s*· (preflight|cni|\d+ more)/.test(line))).toEqual([]);
    }),
  );
});
