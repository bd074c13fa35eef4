import { basename } from 'node:path';
import type { Host } from '../../../src/host/host.ts';
import { paths } from '../../../src/host/paths.ts';
import { readKubeletConfiguration } from '../../node/kubelet-configuration.ts';
import type { DiskFact } from '../facts.ts';

const places = [paths.kubelet, '/var/lib/containerd', paths.state];
const sectorBytes = 512;

/** The kubelet's own, where evictionHard says nothing (kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction). */
const standard = {
  'nodefs.available': '10%',
  'nodefs.inodesFree': '5%',
  'imagefs.available': '15%',
  'imagefs.inodesFree': '5%',
};

/** The file systems that pods, images and the cache are on. Errors: E_COMMAND. */
export async function readDisks(host: Host, signal: AbortSignal): Promise<DiskFact[]> {
  const there = (
    await Promise.all(places.map(async (path) => ((await host.stat(path)) ? [path] : [])))
  ).flat();
  if (there.length === 0) return [];
  const thresholds = await readThresholds(host);
  const [blocks, inodes] = await Promise.all([
    df(host, '-Pk', there, signal),
    df(host, '-Pi', there, signal),
  ]);
  const disks = there.flatMap((path, index) => {
    const [space, nodes] = [blocks[index], inodes[index]];
    if (!space || !nodes) return [];
    const { device, mount, total, available } = space;
    return [
      {
        ...{ device, mount, path, bytes: total * 1024, availableBytes: available * 1024 },
        ...{ inodes: nodes.total, availableInodes: nodes.available },
        reserved: reservedOn(path, thresholds, { bytes: total * 1024, inodes: nodes.total }),
      },
    ];
  });
  // Of what shares a file system the first stands for it: pods, then images.
  return disks.filter(({ mount }, index) => disks.findIndex((each) => each.mount === mount) === index);
}

/** evictionHard of the kubelet's configuration and its drop-ins; with one, a signal that is left out is off. */
async function readThresholds(host: Host): Promise<Record<string, string>> {
  const documents = await readKubeletConfiguration<{ evictionHard: Record<string, string> }>({
    list: (folder) => host.list(folder),
    read: (path) => host.readText(path),
  });
  const own = documents.flatMap(({ evictionHard }) => (evictionHard ? [evictionHard] : []));
  return own.length > 0 ? Object.assign({}, ...own) : standard;
}

function reservedOn(
  path: string,
  thresholds: Record<string, string>,
  total: { bytes: number; inodes: number },
): DiskFact['reserved'] {
  // Nothing is evicted for the disk of edgeadm's own state.
  if (path === paths.state) return { bytes: 0, inodes: 0 };
  const signal = path === paths.kubelet ? 'nodefs' : 'imagefs';
  return {
    bytes: amount(thresholds[`${signal}.available`], total.bytes),
    inodes: amount(thresholds[`${signal}.inodesFree`], total.inodes),
  };
}

const units: Record<string, number> = {
  '': 1,
  k: 1e3,
  Ki: 2 ** 10,
  M: 1e6,
  Mi: 2 ** 20,
  G: 1e9,
  Gi: 2 ** 30,
  T: 1e12,
  Ti: 2 ** 40,
};

/** `10%` of the total, or a quantity; 0 for what is not understood. */
function amount(text: string | undefined, total: number): number {
  const match = /^([0-9.]+)(%|[kKMGT]i?)?$/.exec(String(text ?? ''));
  if (!match) return 0;
  const [, number, unit = ''] = match;
  return Math.floor(unit === '%' ? (Number(number) / 100) * total : Number(number) * (units[unit] ?? 0));
}

interface FileSystem {
  device: string;
  mount: string;
  total: number;
  available: number;
}

/** `df -P` (POSIX): device, total, used, available, capacity, mount point; one line for each path. */
async function df(
  host: Host,
  option: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<(FileSystem | undefined)[]> {
  const { stdout } = await host.query({ file: 'df', args: [option, ...args], signal, timeoutMs: 15_000 });
  const [, ...lines] = stdout.trim().split('\n');
  return lines.map((line) => {
    const match = /^(.+?)\s+(\d+)\s+\d+\s+(-?\d+)\s+\S+\s+(.+)$/.exec(line);
    if (!match) return undefined;
    const [, device = '', total, available, mount = ''] = match;
    return { device, mount, total: Number(total), available: Number(available) };
  });
}

/**
 * Bytes written per hour since the boot to the device of the first disk that the kernel counts; undefined where there is
 * none (overlay, network), and in a container, where the kernel counts for the whole machine. Source: kernel.org/doc/Documentation/iostats.txt, field 7.
 */
export async function writtenPerHour(host: Host, disks: readonly DiskFact[]): Promise<number | undefined> {
  if (await host.stat('/run/systemd/container')) return undefined;
  const [stats = '', uptime = ''] = await Promise.all(
    ['/proc/diskstats', '/proc/uptime'].map((path) => host.readText(path)),
  );
  const hours = Number.parseFloat(uptime) / 3600;
  // In the first hour the boot itself is most of it.
  if (!(hours >= 1)) return undefined;
  for (const { device } of disks) {
    const fields = stats
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .find(([, , name]) => name === basename(device));
    if (fields) return (Number(fields[9]) * sectorBytes) / hours;
  }
  return undefined;
}
