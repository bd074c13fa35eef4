import type { NodeRequest } from './provider.ts';

/** Hard limits of this machine: nodes cannot have more where nobody may raise them. */
export interface Limits {
  openFiles: number;
  processes: number;
}

/** What a daemon may ask for at most; larger values of a machine are cut to it. */
const mostOpenFiles = 1_048_576;
const mostProcesses = 1_048_576;

/**
 * Reads the hard limits out of a `/proc/PID/limits` text. `pidMax` is the text of kernel.pid_max: podman's monitor
 * lowers its own limit of processes to it, and what it starts cannot have more.
 */
export function readLimits(text: string, pidMax: string): Limits {
  const hard = (name: string, most: number): number => {
    const value = new RegExp(`^${name}\\s+\\S+\\s+(\\d+|unlimited)`, 'm').exec(text)?.[1];
    return value === undefined || value === 'unlimited' ? most : Math.min(Number(value), most);
  };
  return {
    openFiles: hard('Max open files', mostOpenFiles),
    processes: Math.min(hard('Max processes', mostProcesses), Number(pidMax) || mostProcesses),
  };
}

/**
 * `podman run` for a container that boots systemd and can itself run containers.
 * - `--systemd=false`, not `always`: that would mount the machine's whole name=systemd cgroup tree into each node, and
 *   every kubelet would remove the pods of the other nodes' kubelets.
 * - The two ulimits: podman's own defaults are refused where hard limits cannot be raised.
 * - `/var` is a volume, since overlay file systems of containers do not mount on the overlay of a container.
 * - No hosts or resolver file from podman: they would be mount points, which programs cannot replace.
 * - runc, since crun refuses machines with hybrid cgroups.
 */
export function runArguments(node: NodeRequest, limits: Limits): string[] {
  return [
    '--runtime',
    'runc',
    'run',
    '--detach',
    '--pull=never',
    ...['--name', node.name, '--hostname', node.name],
    ...['--network', node.network, '--ip', node.address, '--mac-address', node.macAddress],
    ...['--no-hosts', '--dns=none'],
    ...Object.entries(node.labels).flatMap(([label, value]) => ['--label', `${label}=${value}`]),
    '--privileged',
    '--systemd=false',
    ...['--env', 'container=podman'],
    // As on a fresh machine; a new network namespace has what this machine has.
    ...['--sysctl', 'net.ipv4.ip_forward=0'],
    '--stop-signal=37',
    '--cgroupns=private',
    '--pids-limit=-1',
    ...['--ulimit', `nofile=${limits.openFiles}:${limits.openFiles}`],
    ...['--ulimit', `nproc=${limits.processes}:${limits.processes}`],
    ...['--volume', '/var'],
    ...['--tmpfs', '/run', '--tmpfs', '/run/lock', '--tmpfs', '/tmp'],
    ...node.mounts.flatMap((mount) => [
      '--mount',
      `type=bind,source=${mount.source},target=${mount.target}${mount.readOnly ? ',readonly' : ''}`,
    ]),
    node.image,
    '/sbin/init',
  ];
}
