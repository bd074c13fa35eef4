import type { OfflineFinding } from './catalogue.ts';
import type { OfflineFacts } from './facts.ts';
import type { Limit } from './limits.ts';
import { cacheFindings } from './rules/cache.ts';
import { certificateFindings } from './rules/certificates.ts';
import { clockFindings } from './rules/clock.ts';
import { imageFindings } from './rules/images.ts';
import { machineFindings } from './rules/machine.ts';
import { podFindings } from './rules/pods.ts';

/** Everything that the facts say, errors first, else in the order of the rules. */
export function findingsOf(facts: OfflineFacts, limits: readonly Limit[]): OfflineFinding[] {
  const findings = [
    ...clockFindings(facts),
    ...certificateFindings(facts, limits),
    ...machineFindings(facts),
    ...cacheFindings(facts),
    ...podFindings(facts),
    ...imageFindings(facts),
  ];
  const rank = ({ severity }: OfflineFinding): number => (severity === 'error' ? 0 : 1);
  return findings.sort((one, other) => rank(one) - rank(other));
}
