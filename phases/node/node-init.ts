import { join } from 'node:path';
import { paths } from '../../src/host/paths.ts';
import type { Phase } from '../../src/workflow/phase.ts';
import type { NodeContext } from '../context.ts';
import { kubeletDropIn, kubeletUnit } from './kubelet-unit.ts';

const modules = ['overlay', 'br_netfilter', 'nf_conntrack'];

/** What Kubernetes needs to be set (kubernetes.io/docs/setup/production-environment/container-runtimes). */
const requiredSysctls: Readonly<Record<string, string>> = {
  'net.ipv4.ip_forward': '1',
  'net.bridge.bridge-nf-call-iptables': '1',
  'net.bridge.bridge-nf-call-ip6tables': '1',
};

/** Lower bounds: a host that has more keeps it. Many pods on few inotify instances fail with "too many open files". */
const minimumSysctls: Readonly<Record<string, number>> = {
  'fs.inotify.max_user_instances': 1024,
  'fs.inotify.max_user_watches': 524_288,
};

/** Prepares the host itself: modules, sysctls, swap, hosts entries, firewall, the kubelet's unit. Needs no network. */
export const nodeInitPhase: Phase<NodeContext> = {
  name: 'node-init',
  short: 'Prepare the host: modules, sysctls, swap, hosts, firewall, kubelet unit',
  example: 'edgeadm init phase node-init',
  async run(ctx, run) {
    const { host } = ctx;
    const done: boolean[] = [];
    run.progress('kernel modules');
    done.push(await host.writeFile('/etc/modules-load.d/edgeadm.conf', `${modules.join('\n')}\n`));
    for (const name of modules) done.push(await host.loadModule(name));

    run.progress('sysctls');
    const sysctls = await wantedSysctls(ctx);
    const lines = Object.entries(sysctls).map(([key, value]) => `${key} = ${value}`);
    done.push(await host.writeFile('/etc/sysctl.d/99-edgeadm.conf', `${lines.join('\n')}\n`));
    for (const [key, value] of Object.entries(sysctls)) done.push(await host.setSysctl(key, value));

    if (!ctx.toleratesSwap) {
      run.progress('swap');
      const { turnSwapOff } = await import('./swap.ts');
      done.push(await turnSwapOff(host));
    }

    const hosts = ctx.edge.node.hosts.map(({ ip, names }) => `${ip} ${names.join(' ')}`);
    if (hosts.length > 0) done.push(await host.editBlock('/etc/hosts', 'hosts', hosts));

    if (ctx.edge.node.firewall) {
      run.progress('firewall');
      const { openFirewall } = await import('./firewall.ts');
      done.push(await openFirewall(ctx));
    }

    run.progress('kubelet unit');
    const unit = join(paths.units, 'kubelet.service');
    done.push(await host.writeFile(unit, kubeletUnit));
    done.push(await host.writeFile(`${unit}.d/10-kubeadm.conf`, kubeletDropIn));
    done.push(await host.enableUnit('kubelet.service'));
    return done.some(Boolean);
  },
};

async function wantedSysctls(ctx: NodeContext): Promise<Record<string, string>> {
  const wanted: Record<string, string> = { ...requiredSysctls };
  if (ctx.podSubnet?.includes(':')) wanted['net.ipv6.conf.all.forwarding'] = '1';
  for (const [key, least] of Object.entries(minimumSysctls)) {
    const now = Number(await ctx.host.readText(`/proc/sys/${key.replaceAll('.', '/')}`));
    if (!(now > least)) wanted[key] = String(least);
  }
  return { ...wanted, ...ctx.edge.node.sysctls };
}
