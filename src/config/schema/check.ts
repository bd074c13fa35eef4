import { closest, distance } from 'fastest-levenshtein';
import { type Fields, isFields } from '../fields.ts';
import { parseGoDuration } from '../goduration.ts';
import type { Report } from '../problems.ts';
import type { ScalarName, Schema } from './schema.ts';

/**
 * Reports every field that a schema does not have (E_CONFIG_FIELD, with the closest one that it has) and every value of
 * another type. null is allowed everywhere: for kubeadm it means that a field was not written.
 */
export function checkSchema(value: unknown, schema: Schema, report: Report, path = ''): void {
  if (value === null || value === undefined) return;
  if (typeof schema === 'string') {
    checkScalar(value, schema, report, path);
  } else if (Array.isArray(schema)) {
    if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) checkSchema(item, schema[0], report, `${path}[${index}]`);
    } else {
      mismatch(value, 'a list', report, path);
    }
  } else if (isFields(value)) {
    checkFields(value, schema as { readonly [field: string]: Schema }, report, path);
  } else {
    mismatch(value, 'a mapping', report, path);
  }
}

function checkFields(
  value: Fields,
  fields: { readonly [field: string]: Schema },
  report: Report,
  path: string,
): void {
  const free = fields['*'];
  for (const [name, item] of Object.entries(value)) {
    const place = path === '' ? name : `${path}.${name}`;
    const field = free ?? (Object.hasOwn(fields, name) ? fields[name] : undefined);
    if (field !== undefined) {
      checkSchema(item, field, report, place);
    } else {
      report(place, 'does not exist', {
        code: 'E_CONFIG_FIELD',
        hint: suggest(name, Object.keys(fields), path),
      });
    }
  }
}

function suggest(name: string, known: readonly string[], path: string): string {
  const near = closest(
    name.toLowerCase(),
    known.map((field) => field.toLowerCase()),
  );
  const best = known.find((field) => field.toLowerCase() === near);
  if (best && distance(name.toLowerCase(), near) <= Math.max(2, Math.floor(name.length / 3)))
    return `Did you mean ${best}?`;
  const list = known.filter((field) => field !== 'apiVersion' && field !== 'kind').sort();
  const shown = list.length > 12 ? `${list.slice(0, 12).join(', ')}, …` : list.join(', ');
  return `${path === '' ? 'The document' : path} has the fields ${shown}.`;
}

const scalars: Record<ScalarName, { is(value: unknown): boolean; name: string }> = {
  string: { is: (value) => typeof value === 'string', name: 'a text' },
  bool: { is: (value) => typeof value === 'boolean', name: 'true or false' },
  int: { is: Number.isInteger, name: 'a whole number' },
  number: { is: (value) => typeof value === 'number', name: 'a number' },
  duration: {
    is: (value) => typeof value === 'string' && parseGoDuration(value) !== undefined,
    name: 'a duration such as 1m30s',
  },
  time: {
    is: (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(value),
    name: 'a time (RFC 3339)',
  },
  quantity: {
    is: (value) =>
      typeof value === 'number' ||
      (typeof value === 'string' &&
        /^[+-]?(\d+\.?\d*|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?$/.test(value)),
    name: 'a quantity such as 500m or 1Gi',
  },
  intOrString: {
    is: (value) => Number.isInteger(value) || typeof value === 'string',
    name: 'a whole number or a text',
  },
  any: { is: () => true, name: 'anything' },
};

function checkScalar(value: unknown, name: ScalarName, report: Report, path: string): void {
  const scalar = scalars[name];
  if (scalar.is(value)) return;
  const quote = name === 'string' && (typeof value === 'number' || typeof value === 'boolean');
  mismatch(value, scalar.name, report, path, quote ? `Put it in quotes: "${value}".` : undefined);
}

function mismatch(
  value: unknown,
  expected: string,
  report: Report,
  path: string,
  hint = usualCause(value, path),
): void {
  report(path, `${show(value, path)} is not ${expected}`, hint === undefined ? {} : { hint });
}

function usualCause(value: unknown, path: string): string | undefined {
  const old = /extraArgs$/i.test(path) && typeof value === 'object';
  return old ? 'Since v1beta4 arguments are a list: `- name: v` and `value: "4"`.' : undefined;
}

function show(value: unknown, path: string): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  // What should have been a secret stays one when it has the wrong type.
  if (/(token|key|secret|password)s?$/i.test(path)) return 'its value';
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 60)) : String(value);
}
