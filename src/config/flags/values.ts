import { EdgeadmError } from '../../errors.ts';
import { parseGoDuration } from '../goduration.ts';
import { camelCase, type FlagSpec, type FlagValues } from './spec.ts';

/**
 * Turns what a parser hands over (text, or a value of the right type) into a flag's value:
 * bool → boolean, int and count → number, string and duration → string, strings → string[], map → [key, value][].
 * Lists and maps are split at commas, as pflag does. Errors: E_USAGE.
 */
export function parseFlagValue(spec: FlagSpec, raw: unknown): unknown {
  switch (spec.value) {
    case 'bool':
      return parseBool(spec, raw);
    case 'int':
    case 'count':
      return parseInteger(spec, raw);
    case 'duration':
      if (parseGoDuration(String(raw)) === undefined) {
        throw refuse(
          spec,
          raw,
          'a duration',
          'Write a number with a unit: 90s, 30m, 24h, 1h30m; 0 for ever.',
        );
      }
      return String(raw);
    case 'strings':
      return list(raw);
    case 'map':
      return list(raw).map((pair) => parsePair(spec, pair));
    case 'string':
      if (typeof raw === 'string') return raw;
      if (typeof raw === 'number') return String(raw);
      throw refuse(spec, raw, 'a text', `Write --${spec.name} VALUE.`);
  }
}

/** All given flags of a table, parsed, by camelCase name. Flags that the table does not know are left out. */
export function parseFlags(table: readonly FlagSpec[], flags: FlagValues): Map<FlagSpec, unknown> {
  const parsed = new Map<FlagSpec, unknown>();
  for (const spec of table) {
    const raw = flags[camelCase(spec.name)];
    if (raw !== undefined) parsed.set(spec, parseFlagValue(spec, raw));
  }
  return parsed;
}

/**
 * kubeadm's rule (ValidateMixedArguments): what a configuration file can say, flags must not say beside it.
 * Errors: E_USAGE naming the flags.
 */
export function refuseMixedFlags(table: readonly FlagSpec[], flags: FlagValues): void {
  const mixed = table.filter((spec) => !spec.withConfig && flags[camelCase(spec.name)] !== undefined);
  if (mixed.length === 0) return;
  const names = mixed.map((spec) => `--${spec.name}`);
  const fields = mixed.flatMap(({ name, target }) =>
    target ? [`--${name}: ${target.kind} ${target.path}`] : [],
  );
  throw new EdgeadmError('E_USAGE', `can not mix '--config' with arguments [${names.join(' ')}]`, {
    hint: 'Set the fields in the configuration file instead, or leave --config out.',
    details: fields,
  });
}

function parseBool(spec: FlagSpec, raw: unknown): boolean {
  if (typeof raw === 'boolean') return raw;
  // The words that Go's strconv.ParseBool takes.
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(String(raw))) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(String(raw))) return false;
  throw refuse(
    spec,
    raw,
    'true or false',
    `Write --${spec.name}, --${spec.name}=true or --${spec.name}=false.`,
  );
}

function parseInteger(spec: FlagSpec, raw: unknown): number {
  const value = typeof raw === 'number' ? raw : /^[+-]?\d+$/.test(String(raw)) ? Number(raw) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw refuse(spec, raw, 'a whole number', `Write digits only, e.g. --${spec.name} ${spec.default ?? 1}.`);
}

function parsePair(spec: FlagSpec, pair: string): [string, string] {
  const at = pair.indexOf('=');
  if (at > 0) return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
  throw refuse(spec, pair, 'name=value', `Write --${spec.name} name=value,name=value.`);
}

function list(raw: unknown): string[] {
  const parts = Array.isArray(raw) ? raw.map(String) : [String(raw)];
  return parts.flatMap((part) => part.split(',')).filter((part) => part !== '');
}

function refuse(spec: FlagSpec, raw: unknown, expected: string, hint: string): EdgeadmError {
  const value = spec.secret ? 'its value' : `"${String(raw)}"`;
  return new EdgeadmError('E_USAGE', `--${spec.name}: ${value} is not ${expected}`, { hint });
}
