import type { OfflineVerdict } from './verdict.ts';

/** The verdict for people: one line that says it, then each finding with its fix. */
export function verdictText(verdict: OfflineVerdict): string {
  const lines = [headline(verdict)];
  if (verdict.survives && verdict.daysAtWorst < verdict.days) {
    lines.push(`at worst ${days(verdict.daysAtWorst)}: when the link goes just before a renewal`);
  }
  if (verdict.findings.length > 0) lines.push('');
  for (const { id, severity, message, fix } of verdict.findings) {
    lines.push(`[${severity} ${id}] ${message}`, `  fix: ${fix}`);
  }
  return `${lines.join('\n')}\n`;
}

/** `edge-1 survives 365 days offline; first to fail: kubelet client certificate on 2027-11-23` */
export function headline({ node, survives, days: left, firstToFail, findings }: OfflineVerdict): string {
  const first = firstToFail && `first to fail: ${firstToFail.what} on ${firstToFail.at.slice(0, 10)}`;
  if (survives) return `${node} survives ${days(left)} offline; ${first}`;
  const errors = findings.filter(({ severity }) => severity === 'error');
  const names = [...new Set(errors.map(({ id }) => id))].join(', ');
  return `${node} does not survive a reboot offline: ${names || 'no certificate was found'}`;
}

const days = (count: number): string => `${count} ${count === 1 ? 'day' : 'days'}`;
