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
    if (host.recall('containerd') === 'ours') return [];
    const { ignore } = settings.edge.runtime;
    const [unit] = await readUnits(host, ['containerd.service'], signal);
    if (!unit?.active) {
      if (ignore) return socketThere(host, settings.criSocket);
      if ((await host.readText(paths.containerdConfig)) === undefined) return [];
      const fix =
        '`edgeadm reset` puts it back. To keep using it, start containerd and pass --ignore-runtime.';
      return [warning(`${paths.containerdConfig} is replaced while edgeadm's containerd is installed`, fix)];
    }
    const problems = await containerdProblems(host, signal);
    if (problems.length === 0) {
      const fix =
        'Nothing is changed about it; images of the package are imported into it. Without it, edgeadm would install its own.';
      return [warning(`the containerd that runs here already is used (${unit.file})`, fix)];
    }
    const fix =
      'Change its config.toml (`containerd config dump` shows what counts) and restart it, or remove it, so that edgeadm installs its own.';
    return [error(`the containerd that runs here cannot serve Kubernetes: ${problems.join(', ')}`, fix)];
  },
};

/** Why a running containerd cannot be used, by its own account. */
export async function containerdProblems(host: Host, signal?: AbortSignal): Promise<string[]> {
  const { stdout } = await host.query({
    file: 'containerd',
    args: ['config', 'dump'],
    ...(signal && { signal }),
  });
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
