import { closest, distance } from 'fastest-levenshtein';
import { type Fields, isFields } from '../fields.ts';
import { parseGoDuration } from '../goduration.ts';
import type { Report } from '../problems.ts';
import type { ScalarName, Schema } from './schema.ts';

/**
 * Reports every field that a schema does not have (E_CONFIG_FIELD, with the closest one that it has) and every value of
 * another type. A field may be null, which for kubeadm means that it was not written; an item of a list or map may not.
 */
export function checkSchema(value: unknown, schema: Schema, report: Report, path = ''): void {
  if (value === null || value === undefined) return;
  if (typeof schema === 'string') {
    checkScalar(value, schema, report, path);
  } else if (Array.isArray(schema)) {
    if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) checkItem(item, schema[0], report, `${path}[${index}]`);
    } else {
      mismatch(value, 'a list', report, path, listHint(value, path));
    }
  } else if (isFields(value)) {
    checkFields(value, schema as { readonly [field: string]: Schema }, report, path);
  } else {
    mismatch(value, 'a mapping', report, path, 'Write its fields below it: `name: value`.');
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
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (free !== undefined) {
      checkItem(item, free, report, place);
    } else if (field !== undefined) {
      checkSchema(item, field, report, place);
    } else {
      report(place, 'does not exist', {
        code: 'E_CONFIG_FIELD',
        hint: suggest(name, Object.keys(fields), path),
      });
    }
  }
}

function checkItem(item: unknown, schema: Schema, report: Report, path: string): void {
  if (item === null && schema !== 'any') report(path, 'is empty', { hint: 'Write a value, or take it out.' });
  else checkSchema(item, schema, report, path);
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

interface Scalar {
  is(value: unknown): boolean;
  name: string;
  /** What to write. */
  hint: string;
}

const isText = (value: unknown): value is string => typeof value === 'string';

const scalars: Record<ScalarName, Scalar> = {
  string: { is: isText, name: 'a text', hint: 'Write a text.' },
  bool: {
    is: (value) => typeof value === 'boolean',
    name: 'true or false',
    hint: 'Write true or false, without quotes.',
  },
  int: { is: Number.isInteger, name: 'a whole number', hint: 'Write digits, without quotes.' },
  number: {
    is: (value) => typeof value === 'number',
    name: 'a number',
    hint: 'Write a number, without quotes.',
  },
  duration: {
    is: (value) => isText(value) && parseGoDuration(value) !== undefined,
    name: 'a duration',
    hint: 'Write a number with a unit: 90s, 1m30s, 24h.',
  },
  time: {
    is: (value) => isText(value) && /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(value),
    name: 'a time',
    hint: 'Write it as RFC 3339 has it: "2030-01-31T12:00:00Z".',
  },
  quantity: {
    is: (value) => typeof value === 'number' || (isText(value) && quantity.test(value)),
    name: 'a quantity',
    hint: 'Write a number with or without unit: 500m, 1Gi.',
  },
  intOrString: {
    is: (value) => Number.isInteger(value) || isText(value),
    name: 'a whole number or a text',
    hint: 'Write a whole number or a text.',
  },
  any: { is: () => true, name: 'anything', hint: '' },
};

/** k8s.io/apimachinery/pkg/api/resource: ParseQuantity. */
const quantity = /^[+-]?(\d+\.?\d*|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?$/;

function checkScalar(value: unknown, name: ScalarName, report: Report, path: string): void {
  const scalar = scalars[name];
  if (scalar.is(value)) return;
  const unquoted =
    name === 'string' && (typeof value === 'number' || typeof value === 'boolean') && !isSecret(path);
  mismatch(value, scalar.name, report, path, unquoted ? `Put it in quotes: "${value}".` : scalar.hint);
}

function mismatch(value: unknown, expected: string, report: Report, path: string, hint: string): void {
  report(path, `${show(value, path)} is not ${expected}`, { hint });
}

function listHint(value: unknown, path: string): string {
  const old = /extraArgs$/i.test(path) && isFields(value);
  return old
    ? 'Since v1beta4 arguments are a list: `- name: v` and `value: "4"`.'
    : 'Write a list: `- item`, one a line.';
}

/** What should have been a secret stays one when it has the wrong type. */
function isSecret(path: string): boolean {
  return /(token|key|secret|password)s?$/i.test(path);
}

function show(value: unknown, path: string): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (isSecret(path)) return 'its value';
  return isText(value) ? JSON.stringify(value.slice(0, 60)) : String(value);
}
