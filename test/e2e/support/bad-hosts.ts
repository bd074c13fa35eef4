import { expect } from 'vitest';
import { type Attempt, clockAt, type Refusal, smallDisk, withoutPrograms } from './refused.ts';

/** What a refusal must be. */
export interface Case extends Partial<Attempt> {
  what: string;
  exitCode: number;
  code: string;
  /** Must all be in what the user reads: the value or place at fault, and the fix. */
  says: (string | RegExp)[];
}

export const preflight = { exitCode: 2, code: 'E_PREFLIGHT' };

/** Hosts that `edgeadm init` must refuse, and leave as they are. */
export const badHosts: Case[] = [
  {
    what: 'somebody who is not root',
    prefix: ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'],
    ...preflight,
    says: ['IsPrivilegedUser', 'user 65534', 'sudo edgeadm init'],
  },
  {
    what: 'a host name that is no DNS-1123 label',
    fault: {
      spoil: 'cat /proc/sys/kernel/hostname > /run/name; sysctl -qw kernel.hostname=Bad_Host',
      mend: 'hostname -F /run/name; rm /run/name',
    },
    exitCode: 3,
    code: 'E_CONFIG_INVALID',
    says: ['"bad_host"', '--node-name bad-host'],
  },
  {
    what: "somebody else's cluster on the host",
    fault: {
      spoil: `
        mkdir -p /etc/kubernetes/manifests /var/lib/etcd/member
        echo 'kind: Pod' > /etc/kubernetes/manifests/kube-apiserver.yaml`,
      mend: `
        grep -q 'kind: Pod' /etc/kubernetes/manifests/kube-apiserver.yaml
        rm -r /etc/kubernetes /var/lib/etcd`,
    },
    ...preflight,
    says: [
      '/etc/kubernetes/manifests/kube-apiserver.yaml exists',
      '/var/lib/etcd is not empty',
      'kubeadm reset',
    ],
  },
  {
    what: "the API server's port in use",
    fault: {
      spoil: `
        systemd-run --quiet --collect --unit=squatter socat TCP-LISTEN:6443,reuseaddr,fork EXEC:cat
        until ss -ltn | grep -q :6443; do sleep 0.1; done`,
      mend: 'systemctl stop squatter.service',
    },
    ...preflight,
    says: [
      'Port-6443',
      /port 6443, which kube-apiserver needs, is in use by socat \(pid \d+\)/,
      /systemctl status \d+/,
    ],
  },
  {
    what: 'a program of the base system missing',
    fault: withoutPrograms('/usr/bin/mount'),
    ...preflight,
    says: ['FileExisting-mount', 'there is no program mount', 'Debian: mount'],
  },
  {
    what: 'systemctl missing',
    fault: withoutPrograms('/usr/bin/systemctl'),
    ...preflight,
    says: ['FileExisting-systemctl', 'Debian: systemd'],
  },
  {
    what: '/etc read-only',
    fault: {
      spoil: 'mount --bind /etc /etc; mount -o remount,bind,ro /etc',
      mend: 'umount /etc',
    },
    ...preflight,
    says: ['WriteAccess', /\/etc is read-only \(.* on \/etc\)/, 'mount -o remount,rw /etc'],
  },
  {
    what: 'too small a disk for images',
    fault: smallDisk('/var/lib/containerd', { size: '64m' }),
    ...preflight,
    says: ['DiskSpace', '/var/lib/containerd (tmpfs) has 64 MiB free', 'Free space on /var/lib/containerd'],
  },
  {
    what: 'too small a disk for the package',
    fault: smallDisk('/var/lib/edgeadm', { size: '16m' }),
    ...preflight,
    says: ['DiskSpace', '/var/lib/edgeadm (tmpfs) has 16 MiB free', 'Free space on /var/lib/edgeadm'],
  },
  {
    what: 'too small a disk for the package, after all',
    fault: smallDisk('/var/lib/edgeadm', { size: '16m' }),
    args: ['--ignore-preflight-errors=DiskSpace'],
    exitCode: 1,
    code: 'E_HOST_WRITE',
    says: [
      'no room for the install package',
      /\/var\/lib\/edgeadm.* needs \d+ MiB, 16 MiB are free/,
      'df -h /var/lib/edgeadm',
    ],
  },
  {
    what: 'a disk without room for a single line',
    fault: smallDisk('/var/lib/edgeadm', { size: '64k', full: true }),
    args: ['--ignore-preflight-errors=DiskSpace'],
    exitCode: 1,
    code: 'E_HOST_WRITE',
    says: ['/var/lib/edgeadm/journal.jsonl: ENOSPC: the disk is full', 'df -h /var/lib/edgeadm'],
  },
  {
    what: 'a full disk for programs',
    fault: {
      spoil: `
        mkdir /run/bin
        cp -a /usr/local/bin/. /run/bin
        mount -t tmpfs -o size=1m,mode=0755 tmpfs /usr/local/bin
        cp -a /run/bin/. /usr/local/bin`,
      mend: `
        diff -r --no-dereference /run/bin /usr/local/bin
        umount /usr/local/bin
        rm -r /run/bin`,
    },
    args: ['--ignore-preflight-errors=DiskSpace'],
    exitCode: 1,
    code: 'E_HOST_WRITE',
    says: [/\/usr\/local\/bin\/kube\w+: ENOSPC: the disk is full/, 'df -h /usr/local/bin'],
  },
  {
    what: 'swap that cannot be turned off',
    fault: {
      spoil: `
        printf 'Filename Type Size Used Priority\\n/dev/sdz9 partition 1000000 0 -2\\n' > /run/swaps
        mount --bind /run/swaps /proc/swaps`,
      mend: 'umount /proc/swaps; rm /run/swaps',
    },
    ...preflight,
    says: ['Swap', '/dev/sdz9', 'cannot be turned off', 'swapoff -a', 'failSwapOn: false'],
  },
  {
    what: 'a clock that was never set',
    fault: clockAt('1970-01-02'),
    ...preflight,
    says: ['Clock', '1970-01-02', 'timedatectl set-time'],
  },
];

export function check(
  refusal: Refusal,
  { exitCode, code, says }: Pick<Case, 'exitCode' | 'code' | 'says'>,
): void {
  expect({ exitCode: refusal.exitCode, code: refusal.code }, refusal.text).toEqual({ exitCode, code });
  for (const each of says) expect(refusal.text).toMatch(each);
}
