import type { Host } from '../../src/host/host.ts';
import { paths } from '../../src/host/paths.ts';
import { type Check, error, type Finding, type NodeSettings } from './check.ts';

export const privilegedUser: Check<NodeSettings> = {
  name: 'IsPrivilegedUser',
  async run(host, _settings, { signal }) {
    const uid = await userId(host, signal);
    if (uid === undefined || uid === 0) return [];
    return [error(`edgeadm runs as user ${uid}, not as root`, 'Run it with sudo, or as root.')];
  },
};

const written = ['/etc', '/var/lib', paths.bin, paths.sbin, '/opt', '/run'];

/** Directories that edgeadm and kubeadm write to. A read-only root is found here, not halfway through. */
export const writeAccess: Check<NodeSettings> = {
  name: 'WriteAccess',
  async run(host, _settings, { signal }) {
    // Anybody but root is told so by name.
    if ((await userId(host, signal)) !== 0) return [];
    const mounts = await readMounts(host);
    const findings = await Promise.all(
      written.map(async (path): Promise<Finding[]> => {
        const place = await existingParent(host, path);
        const { exitCode } = await host.query(
          { file: 'test', args: ['-w', place], signal },
          { allowFailure: true },
        );
        if (exitCode === 0) return [];
        const mount = mountOf(mounts, place);
        if (!mount?.options.includes('ro')) {
          return [error(`${place} cannot be written`, `See \`ls -ld ${place}\` and \`lsattr -d ${place}\`.`)];
        }
        const fix = `Mount it for writing: \`mount -o remount,rw ${mount.path}\`. If it is read-only because of errors, \`dmesg\` says so.`;
        return [error(`${place} is read-only (${mount.type} ${mount.device} on ${mount.path})`, fix)];
      }),
    );
    return findings.flat();
  },
};

async function userId(host: Host, signal: AbortSignal): Promise<number | undefined> {
  const { stdout } = await host.query({ file: 'id', args: ['-u'], signal });
  return /^\d+$/.test(stdout.trim()) ? Number(stdout.trim()) : undefined;
}

/** The path itself, or the closest directory above it that exists. */
export async function existingParent(host: Host, path: string): Promise<string> {
  let place = path;
  while (place !== '/' && !(await host.stat(place))) place = place.slice(0, place.lastIndexOf('/')) || '/';
  return place;
}

interface Mount {
  device: string;
  path: string;
  type: string;
  options: string[];
}

async function readMounts(host: Host): Promise<Mount[]> {
  const text = (await host.readText('/proc/self/mounts')) ?? '';
  return text.split('\n').flatMap((line) => {
    const [device, path, type, options] = line.split(' ');
    return device && path && type && options ? [{ device, path, type, options: options.split(',') }] : [];
  });
}

/** The mount that a path is on: the last of those with the longest path above it. */
function mountOf(mounts: readonly Mount[], path: string): Mount | undefined {
  return mounts
    .filter((mount) => path === mount.path || path.startsWith(mount.path === '/' ? '/' : `${mount.path}/`))
    .reduce<Mount | undefined>(
      (best, mount) => (best && best.path.length > mount.path.length ? best : mount),
      undefined,
    );
}
