import { join } from 'node:path';
import type { Machine } from '../machine.ts';
import type { Check, Needs } from './types.ts';

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;
const gib = (bytes: number): string => `${(bytes / GiB).toFixed(1)} GiB`;

/** Seen on idle clusters: about 700 MB for a control plane, 250 MB for another node; and some room. */
const memoryOf = { controlPlane: 1024 * MiB, other: 400 * MiB, bare: 64 * MiB };
/**
 * What a node writes itself; what all share of one package (unpacked, and its images as containerd keeps them); the node
 * image; what Go leaves of a first build, and of a later one.
 */
const diskOf = {
  node: 0.8 * GiB,
  bareNode: 0.2 * GiB,
  shared: 3 * GiB,
  image: 1 * GiB,
  firstBuild: 8 * GiB,
  laterBuild: 1 * GiB,
};

export const memoryCheck: Check = {
  name: 'memory',
  async find(machine, needs) {
    const text = (await machine.read('/proc/meminfo')) ?? '';
    const available = Number(/^MemAvailable:\s+(\d+) kB$/m.exec(text)?.[1] ?? Number.NaN) * 1024;
    const wanted = needs.bare
      ? (needs.controlPlanes + needs.others) * memoryOf.bare
      : needs.controlPlanes * memoryOf.controlPlane + needs.others * memoryOf.other;
    if (Number.isNaN(available) || available >= wanted) return undefined;
    return {
      problem: `${gib(available)} of memory are available; ${describe(needs)} need about ${gib(wanted)}`,
      fix: 'Ask for fewer nodes (--control-planes, --workers, --edges), or delete another playground.',
    };
  },
};

export const diskCheck: Check = {
  name: 'disk',
  async find(machine, needs) {
    const nodes = needs.controlPlanes + needs.others;
    const wanted = [
      { path: '/var/lib/containers', bytes: nodes * (needs.bare ? diskOf.bareNode : diskOf.node) },
      { path: '/var/lib/containers', bytes: needs.buildImage ? diskOf.image : 0 },
      { path: needs.cacheDirectory, bytes: needs.bare ? 0 : diskOf.shared },
      { path: needs.cacheDirectory, bytes: needs.buildPackage ? await buildBytes(machine, needs) : 0 },
    ];
    const disks = new Map<string, { free: number; bytes: number; paths: Set<string> }>();
    for (const { path, bytes } of wanted) {
      const { freeBytes, id } = await machine.disk(path);
      const disk = disks.get(id) ?? { free: freeBytes, bytes: 0, paths: new Set<string>() };
      disk.bytes += bytes;
      disk.paths.add(path);
      disks.set(id, disk);
    }
    const full = [...disks.values()].filter(({ free, bytes }) => free < bytes);
    if (full.length === 0) return undefined;
    const problems = full.map(
      ({ free, bytes, paths }) =>
        `${gib(free)} are free for ${[...paths].join(' and ')}; about ${gib(bytes)} are needed`,
    );
    return {
      problem: problems.join('; '),
      fix: `Free some space, for example with \`podman system prune\`, or ask for fewer nodes than ${describe(needs)}.`,
    };
  },
};

async function buildBytes(machine: Machine, { cacheDirectory }: Needs): Promise<number> {
  const built = await machine.exists(join(cacheDirectory, 'components'));
  return built ? diskOf.laterBuild : diskOf.firstBuild;
}

const describe = ({ controlPlanes, others }: Needs): string => `${controlPlanes + others} nodes`;

/** Many kubelets and systemds on one kernel use up the defaults; containerd then fails to load its CRI plugin. */
const inotify = { 'fs.inotify.max_user_instances': 8192, 'fs.inotify.max_user_watches': 1_048_576 };

export const inotifyCheck: Check = {
  name: 'inotify',
  async find(machine) {
    const low: string[] = [];
    for (const [key, least] of Object.entries(inotify)) {
      const value = Number(await machine.read(`/proc/sys/${key.replaceAll('.', '/')}`));
      if (value < least) low.push(`${key}=${least}`);
    }
    if (low.length === 0) return undefined;
    return {
      problem: 'the inotify limits of this machine are too low for several nodes',
      fix: `sysctl -w ${low.join(' ')}`,
      repair: {
        summary: `set ${low.join(' and ')} until the next reboot of this machine`,
        async apply(_progress, signal) {
          await machine.run({ file: 'sysctl', args: ['-w', ...low], signal });
        },
      },
    };
  },
};

const leastOpenFiles = 4096;

export const limitsCheck: Check = {
  name: 'limits',
  async find(machine) {
    const text = (await machine.read('/proc/self/limits')) ?? '';
    const hard = /^Max open files\s+\S+\s+(\d+)/m.exec(text)?.[1];
    if (hard === undefined || Number(hard) >= leastOpenFiles) return undefined;
    return {
      problem: `the hard limit of open files is ${hard}; a node needs at least ${leastOpenFiles}`,
      fix: `Raise it: ulimit -Hn 65536, or LimitNOFILE= of the service this runs in.`,
    };
  },
};

export const forwardCheck: Check = {
  name: 'forward',
  async find(machine) {
    if (!(await bridgedTrafficIsFiltered(machine))) return undefined;
    return {
      problem:
        'the firewall of this machine drops forwarded packets, also between containers of one network (Docker sets this)',
      fix: 'Let bridged packets through: iptables -I FORWARD -m physdev --physdev-is-bridged -j ACCEPT',
    };
  },
};

async function bridgedTrafficIsFiltered(machine: Machine): Promise<boolean> {
  if ((await machine.read('/proc/sys/net/bridge/bridge-nf-call-iptables'))?.trim() !== '1') return false;
  if (machine.uid !== 0 || (await machine.find('iptables')) === undefined) return false;
  const rules = (await machine.run({ file: 'iptables', args: ['-S', 'FORWARD'] }, { allowFailure: true }))
    .stdout;
  return (
    rules.includes('-P FORWARD DROP') && !/--physdev-is-bridged -j ACCEPT|-A FORWARD -j ACCEPT/.test(rules)
  );
}
