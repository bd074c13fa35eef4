import { headline, type OfflineVerdict } from '../../phases/offline/index.ts';
import { type Branch, table, tree } from '../ui/branches.ts';

/** The verdict for people: one line that says it, what ends it, and each finding with its fix. */
export function verdictText(verdict: OfflineVerdict, note?: string): string {
  const { survives, days, daysAtWorst, limits, findings } = verdict;
  const ends = table(limits.map(({ what, at }) => [what, `until ${at.slice(0, 10)}`]));
  const branches: Branch[] = [
    ...(note === undefined ? [] : [{ text: note }]),
    ...(survives && daysAtWorst < days
      ? [{ text: `at worst ${daysAtWorst} days: when the link goes just before a renewal` }]
      : []),
    ...ends.map((text) => ({ text })),
    ...findings.map(({ id, severity, message, fix }) => ({
      text: `${severity} ${id}: ${message}`,
      children: [{ text: `fix: ${fix}` }],
    })),
  ];
  return tree(headline(verdict), branches);
}
