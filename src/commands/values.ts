import type { FlagSpec } from '../config/flags/spec.ts';
import { parseFlagValue } from '../config/flags/values.ts';

/**
 * Reads one use of a flag. Lists grow with each use as in pflag, everything else is replaced. Maps are checked, and
 * kept as `name=value` texts, the form that src/config takes. Errors: E_USAGE that names flag and value.
 */
export function parseValue(flag: FlagSpec, text: string, previous?: unknown): unknown {
  const value = parseFlagValue(flag, text);
  const before = (previous as string[] | undefined) ?? [];
  if (flag.value === 'strings') return [...before, ...(value as string[])];
  if (flag.value === 'map') {
    return [...before, ...(value as [string, string][]).map(([name, part]) => `${name}=${part}`)];
  }
  return value;
}
