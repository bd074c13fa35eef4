import { closest, distance } from 'fastest-levenshtein';

/** ` Did you mean "token"?`-like text for a mistyped word, or an empty one when nothing is near. */
export function didYouMean(wrong: string, known: readonly string[]): string {
  if (known.length === 0) return '';
  const extended = known.find((word) => wrong.length >= 3 && word.startsWith(wrong));
  const near = extended ?? closest(wrong, [...known]);
  const limit = Math.max(2, Math.floor(wrong.length / 3));
  return extended !== undefined || distance(wrong, near) <= limit ? `Did you mean "${near}"? ` : '';
}
