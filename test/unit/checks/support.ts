import type { Check, CheckContext, Finding } from '../../../phases/checks/check.ts';
import { resolveInit } from '../../../src/config/init.ts';
import { resolveJoin } from '../../../src/config/join.ts';
import type { InitSettings, JoinSettings } from '../../../src/config/types.ts';
import type { PackageManifest } from '../../../src/package/types.ts';
import { FakeHost, type FakeHostOptions } from '../../fakes/host.ts';

const machine = { hostname: 'node-1', arch: 'amd64', cgroupVersion: 2, canLowerOomScore: true } as const;
export const token = 'abcdef.0123456789abcdef';

export function initSettings(change: Partial<InitSettings> = {}): InitSettings {
  return { ...resolveInit({ flags: {}, machine }), ...change };
}

export function joinSettings(change: Partial<JoinSettings> = {}): JoinSettings {
  const flags = { token, discoveryTokenUnsafeSkipCaVerification: true };
  return { ...resolveJoin({ flags, machine, endpoint: '10.0.0.1:6443' }), ...change };
}

const link = (name: string, address: string, prefixlen: number) => ({
  ifname: name,
  addr_info: [{ local: address, prefixlen }],
});

/** Links and routes as `ip -j` prints them. */
export function network(
  host: FakeHost,
  links: [string, string, number][],
  routes: [string, string][],
): FakeHost {
  const json = (value: unknown) => ({ stdout: JSON.stringify(value) });
  host.reply('ip -j address show', json(links.map((each) => link(...each))));
  const route = (family: boolean) =>
    json(routes.filter(([dst]) => dst.includes(':') === family).map(([dst, dev]) => ({ dst, dev })));
  host.reply('ip -j -4 route show', route(false));
  host.reply('ip -j -6 route show', route(true));
  return host;
}

/** A Debian 12 host on which every check finds nothing. Files given replace the healthy ones; undefined removes one. */
export function healthyHost(
  options: Omit<FakeHostOptions, 'files'> & { files?: Record<string, string | undefined> } = {},
): FakeHost {
  const programs = ['cp', 'ip', 'losetup', 'mount', 'systemctl', 'conntrack', 'ethtool', 'socat', 'iptables'];
  const files: Record<string, string | undefined> = {
    ...Object.fromEntries(programs.map((program) => [`/usr/sbin/${program}`, ''])),
    '/proc/sys/kernel/osrelease': '6.1.0-28-amd64\n',
    '/proc/sys/net/bridge/bridge-nf-call-iptables': '1',
    '/proc/sys/net/netfilter/nf_conntrack_max': '1',
    '/sys/module/overlay/refcnt': '1',
    '/sys/module/vxlan/refcnt': '1',
    '/sys/module/dummy/refcnt': '1',
    '/sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io memory hugetlb pids rdma misc\n',
    '/proc/meminfo': 'MemTotal:        4020000 kB\nMemAvailable:    3000000 kB\n',
    '/proc/swaps': 'Filename\tType\tSize\tUsed\tPriority\n',
    '/proc/self/status': 'Name:\tnode\nCapEff:\t000001ffffffffff\n',
    '/proc/self/mounts': '/dev/sda1 / ext4 rw,relatime 0 0\n',
    '/proc/net/tcp': '  sl  local_address rem_address   st\n',
    '/etc/resolv.conf': 'nameserver 192.0.2.53\n',
    '/run/systemd/timesync/synchronized': '',
    '/etc/hostname': 'node-1\n',
    '/var/lib/dpkg/status': '',
    '/usr/local/bin/hello': '',
    '/usr/local/sbin/hello': '',
    '/opt/hello': '',
    ...options.files,
  };
  const present = Object.entries(files).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const host = new FakeHost({ ...options, files: Object.fromEntries(present) });
  host
    .reply('id -u', { stdout: '0\n' })
    .reply('uname -m', { stdout: 'x86_64\n' })
    .reply('nproc', { stdout: '4\n' })
    .reply('date', { stdout: `${Date.now() / 1000}\n` })
    .reply('iptables --version', { stdout: 'iptables v1.8.9 (nf_tables)\n' })
    .reply('df', ({ args = [] }) => ({
      stdout: `Filesystem 1024-blocks Used Available Capacity Mounted on\n${args
        .slice(1)
        .map(() => '/dev/sda1 41152736 8230548 32905804 20% /')
        .join('\n')}\n`,
    }))
    .reply('systemctl show', ({ args = [] }) => ({
      stdout: args
        .slice(2)
        .map((unit) => unitText(unit, host.units.get(unit)?.active, host.units.has(unit)))
        .join('\n\n'),
    }));
  host.units.set('systemd-timesyncd.service', { enabled: true, active: true, starts: 1 });
  return network(
    host,
    [
      ['lo', '127.0.0.1', 8],
      ['eth0', '192.168.7.20', 24],
    ],
    [
      ['default', 'eth0'],
      ['192.168.7.0/24', 'eth0'],
    ],
  );
}

function unitText(name: string, active = false, installed = false): string {
  const file = installed ? `/lib/systemd/system/${name}` : '';
  return `Id=${name}\nLoadState=${installed ? 'loaded' : 'not-found'}\nActiveState=${active ? 'active' : 'inactive'}\nFragmentPath=${file}`;
}

export function activate(host: FakeHost, unit: string, active = true): FakeHost {
  host.units.set(unit, { enabled: true, active, starts: 1 });
  return host;
}

/** Runs one check and gives `level name` and the findings. */
export async function look<S>(
  check: Check<S>,
  host: FakeHost,
  settings: S,
  manifest?: PackageManifest,
): Promise<(Finding & { name: string })[]> {
  const context: CheckContext = { signal: new AbortController().signal, package: manifest };
  if (check.applies && !check.applies(settings)) return [];
  const findings = await check.run(host, settings, context);
  return findings.map((found) => ({ ...found, name: found.name ?? check.name }));
}

export function manifest(change: Partial<PackageManifest> = {}): PackageManifest {
  return {
    schema: 'edgeadm.superedge.io/package/v1',
    kubernetesVersion: 'v1.36.3',
    arch: 'amd64',
    edgeadmVersion: '0.1.0',
    components: [],
    images: [],
    entries: [],
    ...change,
  };
}
