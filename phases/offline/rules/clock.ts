import { toleranceMs } from '../../../src/edge/lite-apiserver/clock.ts';
import { kubeTime } from '../../../src/kube/time.ts';
import { finding, type OfflineFinding } from '../catalogue.ts';
import type { OfflineFacts } from '../facts.ts';
import { certificateNames } from '../limits.ts';

const fix =
  'Set it (`timedatectl set-time "2026-11-23 12:00:00"`, or by NTP), and give the node a clock with a battery: a wrong clock makes every certificate invalid.';

/** A clock that cannot be right, said by name: it goes backwards, or is before what was issued under a right one. */
export function clockFindings({
  now,
  clock,
  certificates,
  proxy,
}: Pick<OfflineFacts, 'now' | 'clock' | 'certificates' | 'proxy'>): OfflineFinding[] {
  const { confirmedAt, synchronised, hasHardwareClock } = clock;
  if (confirmedAt !== undefined && now < confirmedAt - toleranceMs) {
    return [
      finding(
        'ClockWrong',
        `the clock of this node says ${kubeTime(now)}, which is before ${kubeTime(confirmedAt)}, a time that the API server confirmed`,
        fix,
      ),
    ];
  }
  const early = certificates.find(
    ({ notBefore }) => notBefore !== undefined && now < notBefore - toleranceMs,
  );
  if (early) {
    return [
      finding(
        'ClockWrong',
        `the clock of this node says ${kubeTime(now)}, which is before ${kubeTime(early.notBefore!)}, the begin of the ${certificateNames[early.role]}`,
        fix,
      ),
    ];
  }
  if (proxy && proxy.clock.problem !== '') return [finding('ClockWrong', proxy.clock.problem, fix)];
  if (synchronised === false) {
    const without = hasHardwareClock ? '' : ', and the host has no clock that goes on without power';
    return [finding('ClockNotSynchronised', `nothing keeps the clock of this node right${without}`, fix)];
  }
  return [];
}
