import { closest, distance } from 'fastest-levenshtein';
import { EdgeadmError } from '../errors.ts';
import type { NodeRole, Playground, PlaygroundNode } from './types.ts';

export const defaultName = 'playground';

/** Leaves room for `-control-plane-9` in a host name, which has at most 63 characters. */
const longestName = 40;
const dnsLabel = /^[a-z](?:[a-z0-9-]*[a-z0-9])?$/;

/** Errors: E_USAGE for a name that cannot be the start of a host name. */
export function checkName(name: string): string {
  if (dnsLabel.test(name) && name.length <= longestName) return name;
  const reason =
    name.length > longestName
      ? `has ${name.length} characters; at most ${longestName} are allowed`
      : "is no name for it (lower-case letters, digits and '-', beginning with a letter)";
  throw new EdgeadmError('E_USAGE', `playground "${name}" ${reason}`, {
    hint: 'Host names of the nodes begin with it: use a name such as "playground" or "site-a".',
  });
}

/** `edge-1` */
export const shortName = (role: NodeRole, index: number): string => `${role}-${index}`;

export const nodeName = (playground: string, short: string): string => `${playground}-${short}`;

export const networkName = (playground: string): string => `edgeadm-${playground}`;

/**
 * The playground a command is about: the named one; without a name the only one there is, or the one with the
 * default name. Errors: E_PLAYGROUND with what to type instead.
 */
export function findPlayground(playgrounds: readonly Playground[], name: string | undefined): Playground {
  const names = playgrounds.map((each) => each.name);
  if (names.length === 0) {
    const which = name === undefined ? 'there is no playground' : `there is no playground "${name}"`;
    throw new EdgeadmError('E_PLAYGROUND', which, { hint: 'Make one: `edgeadm playground create`.' });
  }
  const wanted = name ?? (playgrounds.length === 1 ? names[0] : defaultName);
  const found = playgrounds.find((each) => each.name === wanted);
  if (found) return found;
  if (name === undefined) {
    throw new EdgeadmError('E_PLAYGROUND', `there are ${names.length} playgrounds: ${names.join(', ')}`, {
      hint: 'Say which one with --name.',
    });
  }
  throw new EdgeadmError('E_PLAYGROUND', `there is no playground "${name}"`, {
    hint: `${suggestion(name, names)}There are: ${names.join(', ')}.`,
  });
}

/**
 * A node by its full name (in any playground) or its short one (in the playground that `findPlayground` gives).
 * Errors: E_PLAYGROUND with the nearest name.
 */
export function findNode(
  playgrounds: readonly Playground[],
  text: string,
  playground?: string,
): PlaygroundNode {
  const candidates = playground === undefined ? playgrounds : [findPlayground(playgrounds, playground)];
  const full = candidates.flatMap((each) => each.nodes).find((node) => node.name === text);
  if (full) return full;
  const all = candidates.flatMap((each) => each.nodes.map((node) => node.name));
  if (playground === undefined && playgrounds.length > 1 && suggestion(text, all)) {
    throw new EdgeadmError('E_PLAYGROUND', `there is no node "${text}"`, {
      hint: suggestion(text, all).trim(),
    });
  }
  const { nodes, name } = findPlayground(playgrounds, playground);
  const short = nodes.find((node) => node.short === text);
  if (short) return short;
  const names = nodes.map((node) => node.short);
  throw new EdgeadmError('E_PLAYGROUND', `playground "${name}" has no node "${text}"`, {
    hint: `${suggestion(text, [...names, ...nodes.map((node) => node.name)])}Nodes: ${names.join(', ')}.`,
  });
}

function suggestion(text: string, names: readonly string[]): string {
  if (names.length === 0) return '';
  const near = closest(text, names);
  return distance(text, near) <= Math.max(2, text.length / 3) ? `Did you mean "${near}"? ` : '';
}
