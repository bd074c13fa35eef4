import { hasLocalApi, localApiPort } from '../../src/config/edge-node.ts';
import { getField } from '../../src/config/fields.ts';
import { hasTunnel, tunnel } from '../../src/config/tunnel.ts';
import type { Host } from '../../src/host/host.ts';
import { type Check, error, isControlPlane, isInit, type NodeSettings } from './check.ts';
import { ownRun } from './own-run.ts';

/** Nobody but the host itself comes to these: no firewall is to be opened. */
export const loopbackPorts: ReadonlySet<number> = new Set([
  tunnel.adminPort,
  tunnel.healthPort,
  tunnel.agentHealthPort,
  tunnel.agentAdminPort,
]);

/** Port → who will listen there (kubernetes.io/docs/reference/networking/ports-and-protocols). */
export function portsOf(settings: NodeSettings): Map<number, string> {
  const ports = new Map<number, string>();
  if (isControlPlane(settings)) {
    ports.set(settings.bindPort, 'kube-apiserver');
    ports.set(10259, 'kube-scheduler');
    ports.set(10257, 'kube-controller-manager');
    if (!usesExternalEtcd(settings)) {
      ports.set(2379, 'etcd');
      ports.set(2380, 'etcd');
    }
  } else if (hasLocalApi(settings.edge)) {
    ports.set(localApiPort, 'edgeadm lite-apiserver');
  }
  if (hasTunnel(settings.edge)) {
    if (isControlPlane(settings)) {
      for (const port of [tunnel.agentPort, tunnel.adminPort, tunnel.healthPort])
        ports.set(port, 'proxy-server');
    }
    for (const port of [tunnel.agentHealthPort, tunnel.agentAdminPort]) ports.set(port, 'proxy-agent');
  }
  return ports.set(10250, 'kubelet');
}

export function usesExternalEtcd(settings: NodeSettings): boolean {
  return settings.documents.some(
    (document) =>
      document.kind === 'ClusterConfiguration' && getField(document, 'etcd.external') !== undefined,
  );
}

/** Names are kubeadm's: Port-<number>. Ports of a node that we made ourselves are in use by right. */
export const ports: Check<NodeSettings> = {
  name: 'Port',
  async run(host, settings, { signal }) {
    const wanted = portsOf(settings);
    const sockets = (await listeningSockets(host)).filter(({ port }) => wanted.has(port));
    if (sockets.length === 0) return [];
    const owners = await ownersOf(host, sockets, signal);
    const ours = ownRun(host) === (isInit(settings) ? 'init' : 'join');
    const seen = new Set<number>();
    return sockets.flatMap(({ port, inode }) => {
      if (seen.has(port)) return [];
      seen.add(port);
      const owner = owners.get(inode);
      const user = wanted.get(port)!;
      // The kernel keeps 15 characters of a program's name.
      if (ours && (owner === undefined || user.startsWith(owner.program))) return [];
      const by = owner ? `${owner.program} (pid ${owner.pid})` : 'a program outside this view';
      const fix = owner
        ? `Stop it (\`systemctl status ${owner.pid}\` names its unit), or have it listen elsewhere.`
        : `Find it on the machine itself: \`ss -ltnp sport = :${port}\`.`;
      return [error(`port ${port}, which ${user} needs, is in use by ${by}`, fix, `Port-${port}`)];
    });
  },
};

interface Socket {
  port: number;
  inode: string;
}

/** /proc/net/tcp and tcp6 (proc_net(5)): local address:port in hex, state 0A is LISTEN, the tenth field is the inode. */
async function listeningSockets(host: Host): Promise<Socket[]> {
  const texts = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map((path) => host.readText(path)));
  return texts
    .flatMap((text) => (text ?? '').split('\n').slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === '0A')
    .map((fields) => ({ port: Number.parseInt(fields[1]!.split(':')[1]!, 16), inode: fields[9]! }));
}

/** Processes by inode of a socket that they hold open. */
async function ownersOf(
  host: Host,
  sockets: readonly Socket[],
  signal: AbortSignal,
): Promise<Map<string, { pid: number; program: string }>> {
  const names = sockets.flatMap(({ inode }) => ['-o', '-lname', `socket:\\[${inode}\\]`]).slice(1);
  const args = [
    '/proc',
    '-mindepth',
    '3',
    '-maxdepth',
    '3',
    '-path',
    '/proc/[0-9]*/fd/*',
    '(',
    ...names,
    ')',
    '-printf',
    '%p %l\\n',
  ];
  // Processes end while they are looked at, which find reports as a failure.
  const { stdout } = await host.query({ file: 'find', args, signal }, { allowFailure: true });
  const owners = new Map<string, { pid: number; program: string }>();
  for (const [, pid, inode] of stdout.matchAll(/^\/proc\/(\d+)\/fd\/\d+ socket:\[(\d+)\]$/gm)) {
    if (owners.has(inode!)) continue;
    const program = ((await host.readText(`/proc/${pid}/comm`)) ?? '').trim();
    owners.set(inode!, { pid: Number(pid), program: program || 'a program' });
  }
  return owners;
}
