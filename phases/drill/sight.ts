import { parsePeers } from '../../src/edge/health/protocol.ts';
import { readConfig } from '../../src/edge/lite-apiserver/config.ts';
import { readStatus, readWorkload } from '../../src/edge/lite-apiserver/status-client.ts';
import { paths } from '../../src/host/paths.ts';
import { readKubeletConfiguration } from '../node/kubelet-configuration.ts';
import type { ProxyReader, Sight } from './checks.ts';
import type { DrillMachine } from './machine.ts';
import { ContainerView } from './observe/containers.ts';
import { overNetwork } from './observe/reach.ts';

export const overSocket: ProxyReader = {
  status: () => readStatus(),
  workload: () => readWorkload(),
};

/** What the drill looks with, and what it has to know of the node. Errors: E_CONFIG_INVALID. */
export async function nodeSight(machine: DrillMachine): Promise<Omit<Sight, 'before'>> {
  const { nodeName, health } = await readConfig(paths.liteApiserverConfig);
  const peers = health && parsePeers(await machine.read(health.peersFile));
  return {
    node: nodeName,
    site: new Set([nodeName, ...(peers?.peers ?? []).map(({ name }) => name)]),
    containers: new ContainerView(machine),
    reach: overNetwork,
    proxy: overSocket,
    dns: await kubeletDns(machine),
  };
}

/** clusterDNS and clusterDomain of the kubelet's configuration and its drop-ins; the last one counts. */
async function kubeletDns(machine: DrillMachine): Promise<Sight['dns']> {
  const { readdir } = await import('node:fs/promises');
  const documents = await readKubeletConfiguration<{ clusterDNS: string[]; clusterDomain: string }>({
    list: (folder) => readdir(folder).catch(() => []),
    read: (path) => machine.read(path),
  });
  return {
    servers: documents.findLast(({ clusterDNS }) => clusterDNS)?.clusterDNS ?? [],
    domain: documents.findLast(({ clusterDomain }) => clusterDomain)?.clusterDomain ?? 'cluster.local',
  };
}

/** Ready, and the last heartbeat, as the API server has them; asked as the kubelet. */
export async function nodeState(node: string): Promise<{ ready: boolean; renewedAt: number }> {
  const { connect } = await import('../../src/kube/client.ts');
  const kube = await connect({ kubeconfigPath: paths.kubeletConf, timeoutMs: 3000 });
  const [{ status }, { spec }] = await Promise.all([
    kube.request<{ status?: { conditions?: { type: string; status: string }[] } }>(
      'GET',
      `/api/v1/nodes/${node}`,
    ),
    kube.request<{ spec?: { renewTime?: string } }>(
      'GET',
      `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${node}`,
    ),
  ]);
  return {
    ready: status?.conditions?.some((each) => each.type === 'Ready' && each.status === 'True') ?? false,
    renewedAt: Date.parse(spec?.renewTime ?? '') || 0,
  };
}

/** Reboots in an orderly way, or at once by the kernel (https://docs.kernel.org/admin-guide/sysrq.html, `b`). */
export async function restartNode(machine: DrillMachine, how: 'reboot' | 'power-cut'): Promise<void> {
  if (how === 'reboot') {
    await machine.run({ file: 'systemctl', args: ['--no-block', 'reboot'] });
    return;
  }
  const { writeFile } = await import('node:fs/promises');
  await writeFile('/proc/sys/kernel/sysrq', '1');
  await writeFile('/proc/sysrq-trigger', 'b');
}
