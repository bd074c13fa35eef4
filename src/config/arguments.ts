import type { Argument } from './types.ts';

/**
 * The user's extra arguments with those of ours that they do not name already. The user's list comes first and is kept
 * as it is, with its order and duplicates (v1beta4 passes an argument once for each entry); merging again changes
 * nothing.
 */
export function mergeArguments(user: readonly Argument[], ours: readonly Argument[]): Argument[] {
  const named = new Set(user.map((argument) => argument.name));
  return [...user, ...ours.filter((argument) => !named.has(argument.name))];
}

/** The last value of an argument, as components read it; undefined when it is not there. */
export function argumentValue(list: readonly Argument[], name: string): string | undefined {
  return list.findLast((argument) => argument.name === name)?.value;
}

/** What of a document's field is a list of arguments; anything else in it is left out. */
export function toArguments(value: unknown): Argument[] {
  return Array.isArray(value) ? value.filter((item) => typeof item?.name === 'string') : [];
}
