import type { Host } from '../../src/host/host.ts';
import { type Check, error, type Finding, type NodeSettings, warning } from './check.ts';

const directories = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** Program → the Debian package that has it. kubeadm requires losetup, mount and cp; the kubelet and CNI plugins the others. */
const required: Readonly<Record<string, string>> = {
  cp: 'coreutils',
  ip: 'iproute2',
  losetup: 'mount',
  mount: 'mount',
  systemctl: 'systemd',
};

const recommended: Readonly<Record<string, { package: string; why: string }>> = {
  conntrack: { package: 'conntrack', why: 'stale connections to UDP services cannot be looked at' },
  ethtool: { package: 'ethtool', why: 'offloads of a link cannot be looked at' },
  socat: { package: 'socat', why: 'some runtimes cannot forward ports without it' },
};

/** Names are kubeadm's: FileExisting-<program>. */
export const tools: Check<NodeSettings> = {
  name: 'FileExisting',
  async run(host) {
    const findings: Finding[] = [];
    for (const [program, source] of Object.entries(required)) {
      if (await isOnPath(host, program)) continue;
      findings.push(error(`there is no program ${program}`, install(source), `FileExisting-${program}`));
    }
    for (const [program, { package: source, why }] of Object.entries(recommended)) {
      if (await isOnPath(host, program)) continue;
      findings.push(
        warning(`there is no program ${program}: ${why}`, install(source), `FileExisting-${program}`),
      );
    }
    if (!(await isOnPath(host, 'iptables')) && !(await isOnPath(host, 'nft'))) {
      const message = 'there is neither iptables nor nft: host ports of pods would not work';
      findings.push(error(message, install('iptables'), 'FileExisting-iptables'));
    }
    return findings;
  },
};

const install = (source: string) => `Install the package that has it (Debian: ${source}).`;

/** Programs of both backends see only their own rules: with rules in both, which one wins depends on the order of hooks. */
export const iptablesBackend: Check<NodeSettings> = {
  name: 'IptablesBackend',
  async run(host, _settings, { signal }) {
    if (!(await isOnPath(host, 'iptables'))) return [];
    const { stdout } = await host.query(
      { file: 'iptables', args: ['--version'], signal },
      { allowFailure: true },
    );
    const tables = ((await host.readText('/proc/net/ip_tables_names')) ?? '')
      .trim()
      .split('\n')
      .filter(Boolean);
    if (!stdout.includes('nf_tables') || tables.length === 0) return [];
    const fix =
      'Move them over with `iptables-legacy-save | iptables-restore` and empty the old ones, or choose the legacy backend (`update-alternatives --config iptables`).';
    return [
      warning(`iptables uses nf_tables here, but there are legacy tables in use: ${tables.join(', ')}`, fix),
    ];
  },
};

async function isOnPath(host: Host, program: string): Promise<boolean> {
  for (const directory of directories) if (await host.stat(`${directory}/${program}`)) return true;
  return false;
}
