import { basename } from 'node:path';
import type { Host } from '../../../src/host/host.ts';
import { paths } from '../../../src/host/paths.ts';
import type { DiskFact } from '../facts.ts';

const places = [paths.kubelet, '/var/lib/containerd', paths.state];
const sectorBytes = 512;

/** The file systems that pods, images and the cache are on. Errors: E_COMMAND. */
export async function readDisks(host: Host, signal: AbortSignal): Promise<DiskFact[]> {
  const there = (
    await Promise.all(places.map(async (path) => ((await host.stat(path)) ? [path] : [])))
  ).flat();
  if (there.length === 0) return [];
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
      },
    ];
  });
  return disks.filter(({ mount }, index) => disks.findIndex((each) => each.mount === mount) === index);
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
  const { stdout } = await host.query({ file: 'df', args: [option, ...args], signal, timeoutMs: 4000 });
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
 * none (overlay, network). Source: kernel.org/doc/Documentation/iostats.txt, field 7.
 */
export async function writtenPerHour(host: Host, disks: readonly DiskFact[]): Promise<number | undefined> {
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
