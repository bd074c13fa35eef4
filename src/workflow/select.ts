import { closest, distance } from 'fastest-levenshtein';
import { EdgeadmError } from '../errors.ts';
import type { Phase } from './phase.ts';

/** A phase with its full name (`certs/ca`) and the phases around it. */
export interface FlatPhase<C> {
  name: string;
  phase: Phase<C>;
  /** 0 for a top-level phase. */
  depth: number;
  parent?: FlatPhase<C>;
}

/** All phases in order, each parent before its children. */
export function flatten<C>(phases: readonly Phase<C>[], parent?: FlatPhase<C>): FlatPhase<C>[] {
  return phases.flatMap((phase) => {
    const flat: FlatPhase<C> = {
      name: parent ? `${parent.name}/${phase.name}` : phase.name,
      phase,
      depth: parent ? parent.depth + 1 : 0,
      ...(parent ? { parent } : {}),
    };
    return [flat, ...flatten(phase.phases ?? [], flat)];
  });
}

/**
 * The phases to run, in their own order.
 * - `only`: full names; each brings its children. Nothing named: every phase that is not `onlyByName`.
 * - `skip`: full names; each takes its children with it.
 *
 * Errors: E_PHASE_UNKNOWN with the nearest name; E_PHASE_CONFLICT when a name is both chosen and skipped.
 */
export function select<C>(
  phases: readonly Phase<C>[],
  { only = [], skip = [] }: { only?: readonly string[]; skip?: readonly string[] } = {},
): FlatPhase<C>[] {
  const all = flatten(phases);
  const chosen = only.map((name) => find(all, name));
  const skipped = skip.map((name) => find(all, name));
  const under = (flat: FlatPhase<C>, roots: readonly FlatPhase<C>[]): boolean =>
    roots.includes(flat) || (flat.parent !== undefined && under(flat.parent, roots));

  for (const flat of chosen) {
    if (under(flat, skipped)) {
      throw new EdgeadmError('E_PHASE_CONFLICT', `phase "${flat.name}" is both chosen and skipped`, {
        hint: `Leave "${flat.name}" out of --skip-phases, or run another phase.`,
      });
    }
  }
  const byName = (flat: FlatPhase<C>): boolean =>
    flat.phase.onlyByName === true || (flat.parent !== undefined && byName(flat.parent));
  return all.filter((flat) => {
    if (under(flat, skipped)) return false;
    if (chosen.length === 0) return !byName(flat);
    return under(flat, chosen) && (chosen.includes(flat) || !flat.phase.onlyByName);
  });
}

function find<C>(all: readonly FlatPhase<C>[], name: string): FlatPhase<C> {
  // kubeadm's `certs all` is the phase with all its children.
  const wanted = name
    .trim()
    .replaceAll(' ', '/')
    .replace(/\/all$/, '');
  const found = all.find(
    (flat) =>
      flat.name === wanted ||
      flat.phase.aliases?.some((alias) => (flat.parent ? `${flat.parent.name}/${alias}` : alias) === wanted),
  );
  if (found) return found;
  const names = all.map((flat) => flat.name);
  const near = names.length > 0 ? closest(wanted, names) : '';
  const known = distance(wanted, near) <= Math.max(2, wanted.length / 3) ? `Did you mean "${near}"? ` : '';
  throw new EdgeadmError('E_PHASE_UNKNOWN', `no phase is named "${name}"`, {
    hint: `${known}Phases: ${all
      .filter((flat) => flat.depth === 0)
      .map((flat) => flat.name)
      .join(', ')}.`,
  });
}
