import { findDocument } from '../../src/config/documents.ts';
import type { Host } from '../../src/host/host.ts';
import { paths } from '../../src/host/paths.ts';
import type { PackageManifest } from '../../src/package/types.ts';
import { existingParent } from './access.ts';
import { type Check, error, isControlPlane, type NodeSettings, warning } from './check.ts';
import { ownRun } from './own-run.ts';

const MiB = 1024 ** 2;

interface Demand {
  path: string;
  bytes: number;
  what: string;
  /** Hard-linked, and so free, when on the same file system as this path. */
  linkedFrom?: string;
}

/** Room for the package, the images (as blobs and unpacked), programs and data, by file system. */
export const diskSpace: Check<NodeSettings> = {
  name: 'DiskSpace',
  async run(host, settings, context) {
    // After the first run the package and images are on the disk already.
    if (ownRun(host) || host.recall('package') !== undefined) return [];
    const demands = demandsOf(settings, context.package);
    const places = await Promise.all(demands.map(({ path }) => existingParent(host, path)));
    const systems = await fileSystems(host, places, context.signal);
    if (systems.length !== places.length) return [];
    const byMount = new Map<string, { system: FileSystem; demands: Demand[] }>();
    demands.forEach((demand, index) => {
      const system = systems[index]!;
      const source = demands.findIndex(({ path }) => path === demand.linkedFrom);
      if (source >= 0 && systems[source]!.mount === system.mount) return;
      const entry = byMount.get(system.mount) ?? { system, demands: [] };
      entry.demands.push(demand);
      byMount.set(system.mount, entry);
    });
    return [...byMount.values()].flatMap(({ system, demands: needed }) => judge(system, needed, settings));
  },
};

function demandsOf(settings: NodeSettings, manifest: PackageManifest | undefined): Demand[] {
  const size = (prefix: string) =>
    (manifest?.entries ?? [])
      .filter(({ path }) => path.startsWith(prefix))
      .reduce((sum, entry) => sum + entry.size, 0);
  // Without a package at hand: what packages of 1.34 to 1.36 have.
  const sizes = manifest
    ? { all: size(''), images: size('images/'), bin: size('bin/') + size('edgeadm/'), cni: size('cni/') }
    : { all: 900 * MiB, images: 400 * MiB, bin: 450 * MiB, cni: 50 * MiB };
  return [
    { path: paths.state, bytes: sizes.all, what: 'the package' },
    // containerd keeps the blobs and an unpacked copy, which is larger when layers are compressed.
    { path: settings.edge.runtime.dataRoot, bytes: 3 * sizes.images, what: 'images' },
    { path: paths.bin, bytes: sizes.bin, what: 'programs', linkedFrom: paths.state },
    { path: paths.cniBin, bytes: sizes.cni, what: 'CNI plugins', linkedFrom: paths.state },
    isControlPlane(settings)
      ? { path: paths.etcd, bytes: 512 * MiB, what: 'etcd' }
      : { path: paths.kubelet, bytes: 128 * MiB, what: 'the kubelet' },
    { path: '/etc', bytes: 4 * MiB, what: 'configuration' },
  ];
}

interface FileSystem {
  device: string;
  mount: string;
  size: number;
  available: number;
}

/** `df -Pk` (POSIX): device, 1024-blocks, used, available, capacity, mount point; one line for each path. */
async function fileSystems(
  host: Host,
  places: readonly string[],
  signal: AbortSignal,
): Promise<FileSystem[]> {
  const { stdout } = await host.query({ file: 'df', args: ['-Pk', ...places], signal });
  const [, ...lines] = stdout.trim().split('\n');
  return lines.flatMap((line) => {
    const match = /^(.+?)\s+(\d+)\s+\d+\s+(-?\d+)\s+\S+\s+(.+)$/.exec(line);
    return match
      ? [
          {
            device: match[1]!,
            size: Number(match[2]) * 1024,
            available: Number(match[3]) * 1024,
            mount: match[4]!,
          },
        ]
      : [];
  });
}

function judge({ device, mount, size, available }: FileSystem, demands: Demand[], settings: NodeSettings) {
  const needed = demands.reduce((sum, { bytes }) => sum + bytes, 0);
  const list = demands.map(({ bytes, what }) => `${human(bytes)} for ${what}`).join(', ');
  const where = `${mount} (${device})`;
  if (available < needed) {
    const message = `${where} has ${human(available)} free; ${human(needed)} are needed: ${list}`;
    return [error(message, `Free space on ${mount}, or put larger directories on another file system.`)];
  }
  const left = (available - needed) / size;
  const kubelet = findDocument(settings.documents, 'KubeletConfiguration');
  if (left > 0.15 || kubelet?.evictionHard !== undefined || !demands.some(({ what }) => what === 'images'))
    return [];
  const message = `${where} will be ${Math.round((1 - left) * 100)} % full: the kubelet deletes unused images from 85 %, and evicts pods from 90 %`;
  return [warning(message, `Free space on ${mount}, or set evictionHard in a KubeletConfiguration.`)];
}

/** `1.2 GiB`, with the bytes behind it where it matters. */
function human(bytes: number): string {
  return bytes >= 1024 * MiB ? `${(bytes / 1024 / MiB).toFixed(1)} GiB` : `${Math.ceil(bytes / MiB)} MiB`;
}
