import type { Host } from '../../src/host/host.ts';
import { type Check, error, type NodeSettings, warning } from './check.ts';
import { readUnits } from './units.ts';

/** No release of this program is older: a clock before it was never set. */
const earliest = Date.UTC(2026, 0, 1);

/** Certificates made under a clock that was never set are not valid once it is. */
export const clock: Check<NodeSettings> = {
  name: 'Clock',
  async run(host, _settings, { signal }) {
    const now = await hostTime(host, signal);
    if (now === undefined || now >= earliest) return [];
    const day = new Date(now).toISOString().slice(0, 10);
    return [
      error(
        `this host's clock says ${day}`,
        'Set it: `timedatectl set-time "2026-11-23 12:00:00"`, or by NTP.',
      ),
    ];
  },
};

/** Milliseconds since 1970 by the host's own clock, or undefined. */
export async function hostTime(host: Host, signal: AbortSignal): Promise<number | undefined> {
  const { stdout } = await host.query({ file: 'date', args: ['+%s.%N'], signal }, { allowFailure: true });
  const seconds = Number.parseFloat(stdout);
  return Number.isNaN(seconds) ? undefined : seconds * 1000;
}

export const timeServices = [
  'systemd-timesyncd',
  'chrony',
  'chronyd',
  'ntp',
  'ntpd',
  'ntpsec',
  'openntpd',
].map((name) => `${name}.service`);

/** Whether something keeps the clock right. In a container it is the machine's. */
export const timeSync: Check<NodeSettings> = {
  name: 'TimeSync',
  async run(host, _settings, { signal }) {
    if (await host.stat('/run/systemd/container')) return [];
    const units = await readUnits(host, timeServices, signal);
    const active = units.filter((unit) => unit.active);
    const fix =
      'Certificates and tokens need a right clock: `timedatectl set-ntp true`, with an NTP server that this host can reach.';
    if (units.length > 0 && active.length === 0)
      return [warning('no time service keeps the clock right', fix)];
    const onlyTimesyncd = active.length === 1 && active[0]!.name === 'systemd-timesyncd.service';
    if (onlyTimesyncd && !(await host.stat('/run/systemd/timesync/synchronized'))) {
      return [warning('systemd-timesyncd has not reached a time server yet', fix)];
    }
    return [];
  },
};
