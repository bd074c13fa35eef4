import type { DrillReport } from '../../phases/drill/state.ts';
import { table } from '../ui/branches.ts';
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
  return [
    `${node}: drill of ${startedAt} ${verdict} (offline for ${duration(offlineSeconds)}${how[restart]})`,
    ...table(rows),
    '',
  ].join('\n');
}
