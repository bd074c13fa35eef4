import type { OfflineVerdict } from './verdict.ts';

/** `edge-1 survives 365 days offline; first to fail: kubelet client certificate on 2027-11-23` */
export function headline({ node, survives, days: left, firstToFail, findings }: OfflineVerdict): string {
  const first = firstToFail ? `; first to fail: ${firstToFail.what} on ${firstToFail.at.slice(0, 10)}` : '';
  if (survives) return `${node} survives ${days(left)} offline${first}`;
  const errors = findings.filter(({ severity }) => severity === 'error');
  const names = [...new Set(errors.map(({ id }) => id))].join(', ');
  return `${node} does not survive a reboot offline: ${names || 'no certificate was found'}`;
}

const days = (count: number): string => `${count} ${count === 1 ? 'day' : 'days'}`;
