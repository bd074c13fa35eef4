import type { Host } from '../../src/host/host.ts';
import { paths } from '../../src/host/paths.ts';
import { type Check, error, type NodeSettings, warning } from './check.ts';
import { readUnits } from './units.ts';

/**
 * A container runtime that is there already: used as it is when it can serve Kubernetes, never changed. Names are kubeadm's
 * (CRI, ContainerRuntimeVersion).
 */
export const containerRuntime: Check<NodeSettings> = {
  name: 'CRI',
  async run(host, settings, { signal }) {
    if (isOurs(host)) return [];
    const foreign = await foreignContainerd(host, signal);
    if (!foreign) {
      if (settings.edge.runtime.ignore) return socketThere(host, settings.criSocket);
      if ((await host.readText(paths.containerdConfig)) === undefined) return [];
      const fix =
        '`edgeadm reset` puts it back. To keep using it, start containerd and pass --ignore-runtime.';
      return [warning(`${paths.containerdConfig} is replaced while edgeadm's containerd is installed`, fix)];
    }
    if (foreign.problems.length > 0) return [error(unusable(foreign), unusableFix)];
    const fix =
      'Nothing is changed about it; images of the package are imported into it. Without it, edgeadm would install its own.';
    return [warning(`the containerd that runs here already is used (${foreign.file})`, fix)];
  },
};

/** A containerd that somebody else runs here. */
export interface ForeignContainerd {
  /** Its unit file. */
  file: string;
  /** Why it cannot serve Kubernetes; empty when it can. */
  problems: string[];
}

/** The running containerd that is not edgeadm's, or undefined when there is none. */
export async function foreignContainerd(
  host: Host,
  signal: AbortSignal,
): Promise<ForeignContainerd | undefined> {
  if (isOurs(host)) return undefined;
  const [unit] = await readUnits(host, ['containerd.service'], signal);
  return unit?.active ? { file: unit.file, problems: await containerdProblems(host, signal) } : undefined;
}

export function unusable({ file, problems }: ForeignContainerd): string {
  return `the containerd that runs here (${file}) cannot serve Kubernetes: ${problems.join(', ')}`;
}

export const unusableFix =
  'Change its config.toml (`containerd config dump` shows what counts) and restart it, or remove it, so that edgeadm installs its own. edgeadm does not change software that it did not install.';

/** The container-runtime phase notes it before it installs anything. */
function isOurs(host: Host): boolean {
  return host.recall('containerd') === 'ours';
}

/** Why a running containerd cannot be used, by its own account. */
async function containerdProblems(host: Host, signal: AbortSignal): Promise<string[]> {
  const { stdout } = await host.query({ file: 'containerd', args: ['config', 'dump'], signal });
  const problems: string[] = [];
  if (!/^version\s*=\s*[34]/m.test(stdout)) problems.push('it is older than 2.0');
  if (/^disabled_plugins\s*=\s*\[[^\]]*cri/m.test(stdout)) problems.push('its CRI plugin is disabled');
  if (!/SystemdCgroup\s*=\s*true/.test(stdout)) problems.push('SystemdCgroup is not true');
  return problems;
}

async function socketThere(host: Host, criSocket: string) {
  const path = criSocket.replace(/^unix:\/\//, '');
  if (await host.stat(path)) return [];
  const fix =
    'Start the container runtime, name its socket with --cri-socket, or leave out --ignore-runtime.';
  return [error(`no container runtime listens at ${path}`, fix)];
}
