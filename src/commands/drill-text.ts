import type { DrillReport } from '../../phases/drill/state.ts';
import { duration } from '../ui/units.ts';

const how = { none: '', reboot: ', rebooted', 'power-cut': ', its power cut' } as const;

/** A report for people: one line that says it, then a row for each check. */
export function reportText(report: DrillReport): string {
  const { node, restart, startedAt, offlineSeconds, passed, problem, checks } = report;
  const failed = checks.filter(({ outcome }) => outcome === 'fail').map(({ name }) => name);
  const verdict = passed ? 'passed' : `failed: ${problem || failed.join(', ') || 'nothing was checked'}`;
  const rows = checks.map(({ name, outcome, seconds, since, message }) => [
    outcome,
    name,
    outcome === 'skip' ? '' : `${seconds.toFixed(1)} s after the ${since}`,
    message,
  ]);
  const widths = [0, 1, 2].map((at) => Math.max(0, ...rows.map((row) => row[at]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [
    `${node}: drill of ${startedAt} ${verdict} (offline for ${duration(offlineSeconds)}${how[restart]})`,
    ...lines,
    '',
  ].join('\n');
}
