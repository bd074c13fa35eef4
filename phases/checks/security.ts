import type { Host } from '../../src/host/host.ts';
import { type Check, type NodeSettings, warning } from './check.ts';
import { loopbackPorts, portsOf } from './ports.ts';
import { readUnits } from './units.ts';

/** kubeadm's name. node-init opens what is needed; the firewall stays on. */
export const firewalld: Check<NodeSettings> = {
  name: 'Firewalld',
  async run(host, settings, { signal }) {
    const [unit] = await readUnits(host, ['firewalld.service'], signal);
    return unit?.active ? [firewallWarning('firewalld', settings)] : [];
  },
};

export const ufw: Check<NodeSettings> = {
  name: 'Ufw',
  async run(host, settings) {
    return (await ufwEnabled(host)) ? [firewallWarning('ufw', settings)] : [];
  },
};

async function ufwEnabled(host: Host): Promise<boolean> {
  return /^ENABLED=yes$/m.test((await host.readText('/etc/ufw/ufw.conf')) ?? '');
}

function firewallWarning(name: string, settings: NodeSettings) {
  const tcp = [...portsOf(settings).keys()]
    .filter((port) => !loopbackPorts.has(port))
    .sort((a, b) => a - b)
    .join(', ');
  const vxlan = settings.edge.cni.name === 'flannel' && settings.edge.cni.flannel.backend === 'vxlan';
  const ports = `TCP ${tcp}${vxlan ? ` and UDP ${settings.edge.cni.flannel.port ?? 8472}` : ''}`;
  const fix = settings.edge.node.firewall
    ? `node-init opens ${ports}; NodePort Services (30000-32767) are yours to open.`
    : `Open ${ports} between the nodes yourself, as node.firewall is false.`;
  return warning(`${name} is active`, fix);
}

export const selinux: Check<NodeSettings> = {
  name: 'SELinux',
  async run(host) {
    if (((await host.readText('/sys/fs/selinux/enforce')) ?? '').trim() !== '1') return [];
    const fix =
      'Install container-selinux, which labels containers, or pods get "permission denied" on host paths; `ausearch -m avc` shows what was denied. edgeadm does not turn SELinux off.';
    return [warning('SELinux is enforcing', fix)];
  },
};
