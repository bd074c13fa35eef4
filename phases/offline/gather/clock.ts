import { clockFile, parseConfirmed } from '../../../src/edge/node/clock/confirmed.ts';
import type { Host } from '../../../src/host/host.ts';
import { timeServices } from '../../checks/clock.ts';
import { readUnits } from '../../checks/units.ts';
import type { OfflineFacts } from '../facts.ts';

/** What keeps the clock of this host right, and when it was last known to be. */
export async function readClock(host: Host, signal: AbortSignal): Promise<OfflineFacts['clock']> {
  const [inContainer, units, reached, rtc, confirmed] = await Promise.all([
    host.stat('/run/systemd/container'),
    readUnits(host, timeServices, signal),
    host.stat('/run/systemd/timesync/synchronized'),
    host.stat('/sys/class/rtc/rtc0'),
    host.readText(clockFile),
  ]);
  const active = units.filter((unit) => unit.active).map(({ name }) => name);
  const onlyTimesyncd = active.length === 1 && active[0] === 'systemd-timesyncd.service';
  const confirmedAt = parseConfirmed(confirmed);
  return {
    hasHardwareClock: rtc !== undefined,
    ...(!inContainer && { synchronised: active.length > 0 && !(onlyTimesyncd && !reached) }),
    ...(confirmedAt !== undefined && { confirmedAt }),
  };
}
