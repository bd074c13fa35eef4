import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kubeadmVersion, parseDocuments } from '../../../src/config/documents.ts';
import { edgeSchema } from '../../../src/config/edge-configuration.ts';
import { type Fields, isFields, setField } from '../../../src/config/fields.ts';
import { initPhaseFlags } from '../../../src/config/flags/init.ts';
import { joinFlags } from '../../../src/config/flags/join.ts';
import { resetFlags } from '../../../src/config/flags/reset.ts';
import { camelCase, type FlagSpec } from '../../../src/config/flags/spec.ts';
import { resolveInit } from '../../../src/config/init.ts';
import { resolveJoin } from '../../../src/config/join.ts';
import { resolveReset } from '../../../src/config/reset.ts';
import { documentSchemas } from '../../../src/config/schema/minors.ts';
import { type EdgeadmError, toEdgeadmError } from '../../../src/errors.ts';
import { file, machine } from './support.ts';

/** Whatever comes in, the answer is settings or an error that a user can act on. */
function outcome(call: () => unknown): EdgeadmError | undefined {
  try {
    call();
    return undefined;
  } catch (thrown) {
    const error = toEdgeadmError(thrown);
    if (error.code === 'E_INTERNAL') throw thrown;
    expect(error.exitCode).toBe(3);
    expect(error.hint).toBeTruthy();
    return error;
  }
}

/** Paths of a schema's fields, mappings and lists on the way among them. */
function paths(schema: unknown, path = ''): string[] {
  const here = path === '' ? [] : [path];
  if (Array.isArray(schema)) return [...here, ...paths(schema[0], `${path}.0`)];
  if (!isFields(schema)) return here;
  return [
    ...here,
    ...Object.entries(schema as Fields).flatMap(([name, below]) => {
      const key = name === '*' ? 'free' : name;
      return paths(below, path === '' ? key : `${path}.${key}`);
    }),
  ];
}

const odd = [
  null,
  '',
  'x',
  '<x>',
  0,
  -1,
  1.5,
  true,
  [],
  {},
  [null],
  [[]],
  [{}],
  ['x', 5],
  { x: null },
  '\u0000',
  '__proto__',
  'x'.repeat(300),
];

describe('odd values', { timeout: 60_000 }, () => {
  const schemas: ReturnType<typeof documentSchemas> = {
    ...documentSchemas(undefined),
    EdgeConfiguration: edgeSchema,
  };
  const resolvers = {
    InitConfiguration: resolveInit,
    ClusterConfiguration: resolveInit,
    KubeletConfiguration: resolveInit,
    EdgeConfiguration: resolveInit,
    JoinConfiguration: resolveJoin,
    ResetConfiguration: resolveReset,
  } as const;

  it.each(Object.keys(resolvers) as (keyof typeof resolvers)[])(
    'in any field of %s are never a defect',
    (kind) => {
      const apiVersion = {
        KubeletConfiguration: 'kubelet.config.k8s.io/v1beta1',
        EdgeConfiguration: 'edgeadm.superedge.io/v1alpha1',
      };
      for (const path of paths(schemas[kind]!)) {
        if (path === 'apiVersion' || path === 'kind') continue;
        for (const value of odd) {
          const document = {
            apiVersion: (apiVersion as Record<string, string>)[kind] ?? kubeadmVersion,
            kind,
          };
          setField(document, path, value);
          const config = file(JSON.stringify(document));
          outcome(() => resolvers[kind]({ flags: {}, config, machine }));
        }
      }
    },
  );

  it.each<[string, readonly FlagSpec[], typeof resolveInit | typeof resolveJoin | typeof resolveReset]>([
    ['init', initPhaseFlags, resolveInit],
    ['join', joinFlags, resolveJoin],
    ['reset', resetFlags, resolveReset],
  ])('of any flag of %s are never a defect', (_, table, resolve) => {
    for (const { name } of table) {
      for (const value of odd)
        outcome(() => resolve({ flags: { [camelCase(name)]: value ?? undefined }, machine }));
    }
  });

  it('of a whole file are never a defect', () => {
    const lines = fc.constantFrom(
      'apiVersion: kubeadm.k8s.io/v1beta4',
      'kind: ClusterConfiguration',
      '---',
      '- a',
      'a: &a [*a]',
      '<<: *a',
      '? b',
      '{',
      ']',
      '\t',
      '"',
      '%TAG ! x',
      '!!binary x',
      '...',
      'a: |',
      '  b',
      '<<: 1',
      '&a',
      '*a: 1',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(lines, fc.string()), { maxLength: 8 }), (parts) => {
        outcome(() => parseDocuments(file(parts.join('\n'))));
      }),
      { numRuns: 2000 },
    );
  });
});
