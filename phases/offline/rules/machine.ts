import { finding, type OfflineFinding } from '../catalogue.ts';
import type { OfflineFacts } from '../facts.ts';

/** Of a file system, above what the kubelet keeps free. */
const marginShare = 0.05;
/** Of a flash of 16 GB with 3000 cycles, that is some five years. */
const muchPerHour = 1024 ** 3;

/** Units, addresses, routes and disks: what must be there when the node boots by itself. */
export function machineFindings(facts: OfflineFacts): OfflineFinding[] {
  return [
    ...unitFindings(facts),
    ...addressFindings(facts),
    ...diskFindings(facts),
    ...facts.unknown.map(({ what, why }) =>
      finding('NotChecked', `${what} could not be checked: ${why}`, 'Mend what is named and check again.'),
    ),
  ];
}

function unitFindings({ units }: OfflineFacts): OfflineFinding[] {
  return units.flatMap(({ name, installed, enabled, active }) => {
    if (!installed) {
      const fix = 'Join this node again, or put the unit back: `edgeadm join` with the same arguments.';
      return [finding('UnitMissing', `there is no unit ${name}`, fix)];
    }
    return [
      ...(enabled
        ? []
        : [finding('UnitNotEnabled', `${name} does not start at boot`, `systemctl enable ${name}`)]),
      ...(active
        ? []
        : [
            finding(
              'UnitNotActive',
              `${name} does not run`,
              `systemctl start ${name}; journalctl -u ${name}`,
            ),
          ]),
    ];
  });
}

function addressFindings({ edgeLink, hasDefaultRoute }: OfflineFacts): OfflineFinding[] {
  const lacking = edgeLink?.wanted.filter((address) => !edgeLink.present.includes(address)) ?? [];
  return [
    ...(lacking.length > 0
      ? [
          finding(
            'EdgeAddressMissing',
            `${lacking.join(', ')}: on no link of this host`,
            'systemctl restart edgeadm-lite-apiserver, which puts the addresses back; its log says what hinders it.',
          ),
        ]
      : []),
    ...(hasDefaultRoute === false
      ? [
          finding(
            'NoDefaultRoute',
            'there is no default route: programs that choose a link by it do not start',
            'Add a default route, or name the link for flannel: cni.flannel.interface in an EdgeConfiguration.',
          ),
        ]
      : []),
  ];
}

function diskFindings({ disks, writtenPerHour }: OfflineFacts): OfflineFinding[] {
  const findings = disks.flatMap(
    ({ mount, path, bytes, availableBytes, inodes, availableInodes, reserved }) => {
      const spareBytes = availableBytes - reserved.bytes;
      const spareInodes = availableInodes - reserved.inodes;
      const byBytes = spareBytes / bytes <= (inodes > 0 ? spareInodes / inodes : 1);
      const share = byBytes ? spareBytes / bytes : spareInodes / inodes;
      const free = byBytes ? gib(availableBytes) : `${availableInodes} inodes`;
      const kept = byBytes ? gib(reserved.bytes) : `${reserved.inodes}`;
      const text = `${mount} has ${free} free, of which the kubelet keeps ${kept}`;
      const fix = `Free space on ${mount} (\`journalctl --vacuum-size=100M\`), or put ${path} on another file system.`;
      if (share <= 0) {
        return [finding('DiskFull', `${text}: it evicts pods, and nobody replaces them offline`, fix)];
      }
      return share < marginShare ? [finding('DiskNearlyFull', text, fix)] : [];
    },
  );
  if (writtenPerHour !== undefined && writtenPerHour > muchPerHour) {
    findings.push(
      finding(
        'MuchWritten',
        `${gib(writtenPerHour)} are written per hour on average since the boot: flash wears out`,
        'Find what writes: `iotop -ao`, or /proc/PID/io.',
      ),
    );
  }
  return findings;
}

const gib = (bytes: number): string => `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
