import { kubeTime } from '../../src/kube/time.ts';
import type { OfflineFinding } from './catalogue.ts';
import type { OfflineFacts } from './facts.ts';
import { findingsOf } from './findings.ts';
import { type Limit, limitsOf } from './limits.ts';

const dayMs = 86_400_000;

/** What `edgeadm check offline -o json` has in `data`. Times are ISO 8601. */
export interface OfflineVerdict {
  node: string;
  checkedAt: string;
  /** Whether the node and all its pods would come back after a reboot without the cloud at this moment. */
  survives: boolean;
  /** Whole days that it lives without the cloud from now on; 0 when it does not survive. */
  days: number;
  /** Whole days when the link goes at the worst moment: just before something is renewed. */
  daysAtWorst: number;
  firstToFail: { what: string; at: string } | undefined;
  limits: { what: string; file: string; at: string }[];
  findings: OfflineFinding[];
}

/** The verdict on a node: the earliest of what runs out, and nothing at all with a finding that is an error. */
export function judge(facts: OfflineFacts): OfflineVerdict {
  const limits = limitsOf(facts).sort((one, other) => one.at - other.at);
  const findings = findingsOf(facts, limits);
  const [first] = limits;
  const survives = first !== undefined && !findings.some(({ severity }) => severity === 'error');
  return {
    node: facts.node,
    checkedAt: iso(facts.now),
    survives,
    days: survives ? wholeDays(first.at - facts.now) : 0,
    daysAtWorst: survives ? wholeDays(atWorst(limits, facts.now)) : 0,
    firstToFail: first && { what: first.what, at: iso(first.at) },
    limits: limits.map(({ what, file, at }) => ({ what, file, at: iso(at) })),
    findings,
  };
}

/** The link may go just before a renewal: then only the rest of a life that is renewed at 90 % of it is left. */
function atWorst(limits: readonly Limit[], now: number): number {
  return Math.min(
    ...limits.map(({ at, renewedBefore }) =>
      renewedBefore > 0 ? Math.min(at - now, renewedBefore) : at - now,
    ),
  );
}

const wholeDays = (ms: number): number => Math.max(0, Math.floor(ms / dayMs));
/** Seconds are enough, and a date out of range must not throw. */
const iso = (ms: number): string =>
  Number.isFinite(ms) && Math.abs(ms) <= 8.64e15 ? kubeTime(ms) : 'unknown';
