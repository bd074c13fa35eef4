import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EdgeadmError } from '../../../src/errors.ts';
import type { Phase } from '../../../src/workflow/phase.ts';
import { flatten, select } from '../../../src/workflow/select.ts';

type Context = Record<string, never>;

const phases: Phase<Context>[] = [
  { name: 'preflight', short: 'checks' },
  {
    name: 'certs',
    short: 'certificates',
    onlyByName: true,
    run: async () => true,
    phases: [
      { name: 'ca', short: 'ca', onlyByName: true },
      { name: 'apiserver', short: 'apiserver', onlyByName: true },
    ],
  },
  { name: 'cni', short: 'network', aliases: ['network'] },
  {
    name: 'addon',
    short: 'addons',
    phases: [
      { name: 'dns', short: 'dns' },
      { name: 'proxy', short: 'proxy' },
    ],
  },
];

const names = (selected: { name: string }[]) => selected.map(({ name }) => name);
const failure = (run: () => unknown): EdgeadmError => {
  try {
    run();
  } catch (thrown) {
    return thrown as EdgeadmError;
  }
  throw new Error('nothing was thrown');
};

describe('flatten', () => {
  test('names children after their parents, parents first', () => {
    expect(names(flatten(phases))).toEqual([
      'preflight',
      'certs',
      'certs/ca',
      'certs/apiserver',
      'cni',
      'addon',
      'addon/dns',
      'addon/proxy',
    ]);
  });
});

describe('select', () => {
  test('a whole run leaves out what runs only by name', () => {
    expect(names(select(phases))).toEqual(['preflight', 'cni', 'addon', 'addon/dns', 'addon/proxy']);
  });

  test('a parent brings its children, but not those that run only by name', () => {
    expect(names(select(phases, { only: ['addon'] }))).toEqual(['addon', 'addon/dns', 'addon/proxy']);
    expect(names(select(phases, { only: ['certs'] }))).toEqual(['certs']);
  });

  test.each(['certs ca', 'certs/ca'])('a child is chosen as "%s"', (name) => {
    expect(names(select(phases, { only: [name] }))).toEqual(['certs/ca']);
  });

  test("kubeadm's `certs all` is the phase itself", () => {
    expect(names(select(phases, { only: ['certs all'] }))).toEqual(['certs']);
  });

  test('an alias stands for its phase', () => {
    expect(names(select(phases, { only: ['network'] }))).toEqual(['cni']);
  });

  test('a skipped parent takes its children with it', () => {
    expect(names(select(phases, { skip: ['addon'] }))).toEqual(['preflight', 'cni']);
  });

  test('an unknown name is refused with the nearest one', () => {
    const error = failure(() => select(phases, { skip: ['prefligth'] }));
    expect(error.code).toBe('E_PHASE_UNKNOWN');
    expect(error.message).toContain('"prefligth"');
    expect(error.hint).toContain('Did you mean "preflight"?');
  });

  test('a name that resembles none gets the list instead of a guess', () => {
    expect(failure(() => select(phases, { only: ['zzzzzzzzz'] })).hint).toMatch(/^Phases: preflight, certs/);
  });

  test.each([
    [['cni'], ['cni']],
    [['addon/dns'], ['addon']],
    [['certs/ca'], ['certs']],
  ])('choosing %j and skipping %j is a conflict', (only, skip) => {
    expect(failure(() => select(phases, { only, skip })).code).toBe('E_PHASE_CONFLICT');
  });

  test('property: the order is always that of the list, nothing skipped runs, nothing runs twice', () => {
    const all = names(flatten(phases));
    fc.assert(
      fc.property(fc.subarray(all), fc.subarray(all), (only, skip) => {
        let selected: string[];
        try {
          selected = names(select(phases, { only, skip }));
        } catch (thrown) {
          expect((thrown as EdgeadmError).code).toBe('E_PHASE_CONFLICT');
          return;
        }
        expect(selected).toEqual(all.filter((name) => selected.includes(name)));
        for (const name of skip)
          expect(selected.some((s) => s === name || s.startsWith(`${name}/`))).toBe(false);
        for (const name of only) expect(selected).toContain(name);
      }),
    );
  });
});
