import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { EdgeadmError } from '../errors.ts';
import type { CommandResult } from '../host/host.ts';
import type { Emit } from '../workflow/events.ts';
import { playgroundLabel } from './labels.ts';
import { type Limits, readLimits, runArguments } from './podman-arguments.ts';
import { parseContainers, parseImages, parseNetworks } from './podman-output.ts';
import type { ExecOptions, Provider } from './provider.ts';
import { machineRunner, type Run } from './run.ts';

/** How long a node may take to shut down: systemd's own limit for a unit is 90 s. */
const shutdownSeconds = 120;
/** Environment variable by which the processes of one `exec` are found again. */
const execMark = 'EDGEADM_PLAYGROUND_EXEC';

/** Ends what an `exec` left in a node: SIGTERM, after five seconds SIGKILL. `$1` is the mark. */
const killScript = `
marked() { for p in /proc/[0-9]*; do grep -qszx "$1" "$p/environ" && echo "\${p#/proc/}"; done; }
for signal in TERM KILL; do
  for wait in $(seq 50); do
    pids=$(marked "$1"); [ -n "$pids" ] || exit 0
    [ "$wait" = 1 ] && kill -s "$signal" $pids
    sleep 0.1
  done
done`;

const isStillStopping = (error: unknown): boolean =>
  error instanceof EdgeadmError && error.details.some((line) => line.includes('could not be stopped'));

/** Nodes as podman containers. Nothing is started before the first call. */
export function podmanProvider(emit: Emit, run: Run = machineRunner(emit)): Provider {
  const podman = (
    args: readonly string[],
    options: Omit<ExecOptions, 'env'> = {},
  ): Promise<CommandResult> => {
    const { allowFailure = false, ...command } = options;
    return run({ file: 'podman', args, ...command }, { allowFailure });
  };
  const json = async (args: readonly string[]) => (await podman([...args, '--format', 'json'])).stdout;

  let limits: Promise<Limits> | undefined;
  const machineLimits = (): Promise<Limits> => {
    limits ??= Promise.all([
      readFile('/proc/self/limits', 'utf8'),
      readFile('/proc/sys/kernel/pid_max', 'utf8'),
    ]).then(([own, pidMax]) => readLimits(own, pidMax));
    return limits;
  };

  /** By name of a node; it has the same disk as long as it is there. */
  const disks = new Map<string, string>();

  async function endProcesses(node: string, mark: string): Promise<void> {
    const args = ['exec', node, 'sh', '-c', killScript, 'sh', `${execMark}=${mark}`];
    await podman(args, { allowFailure: true, timeoutMs: 30_000 }).catch(() => {});
  }

  return {
    name: 'podman',

    async hasImage(image) {
      return (await podman(['image', 'exists', image], { allowFailure: true })).exitCode === 0;
    },
    async importImage(image, tarFile, signal) {
      const args = ['import', '--change', 'CMD ["/sbin/init"]', tarFile, image];
      await podman(args, { timeoutMs: 600_000, ...(signal && { signal }) });
    },
    async unusedImages(prefix) {
      const images = parseImages(await json(['images']));
      return images
        .filter(({ containers }) => containers === 0)
        .flatMap(({ names }) => names.filter((name) => name.startsWith(prefix)));
    },
    async removeImage(image) {
      await podman(['image', 'rm', image]);
    },
    async saveImage(image, tarFile, signal) {
      const args = ['image', 'save', '--format', 'oci-archive', '--output', tarFile, image];
      await podman(args, { timeoutMs: 600_000, ...(signal && { signal }) });
    },

    async networks() {
      return parseNetworks(await json(['network', 'ls']));
    },
    async createNetwork({ name, subnet, machineAddress, labels }) {
      const marked = Object.entries(labels).flatMap(([label, value]) => ['--label', `${label}=${value}`]);
      const closed = ['--internal', '--disable-dns', '--subnet', subnet, '--gateway', machineAddress];
      await podman(['network', 'create', ...closed, ...marked, name]);
    },
    async removeNetwork(name) {
      await podman(['network', 'rm', name]);
    },

    async nodes() {
      return parseContainers(await json(['ps', '--all', '--filter', `label=${playgroundLabel}`]));
    },
    async isTaken(name) {
      return (await podman(['container', 'exists', name], { allowFailure: true })).exitCode === 0;
    },
    async createNode(node, signal) {
      disks.delete(node.name);
      await podman(runArguments(node, await machineLimits()), { ...(signal && { signal }) });
    },
    async startNode(name) {
      await podman(['start', name]);
    },
    async rebootNode(name, { powerCut, signal }) {
      const seconds = powerCut ? 0 : shutdownSeconds;
      await podman(['restart', '--time', String(seconds), name], {
        timeoutMs: (shutdownSeconds + 60) * 1000,
        ...(signal && { signal }),
      });
    },
    async removeNodes(names) {
      if (names.length === 0) return;
      const { default: pRetry } = await import('p-retry');
      // Processes of a node that were killed may take longer to be gone, on a busy machine, than podman waits for them.
      await pRetry(
        () =>
          podman(['rm', '--force', '--ignore', '--volumes', '--time', '0', ...names], { timeoutMs: 300_000 }),
        { retries: 3, minTimeout: 100, shouldRetry: ({ error }) => isStillStopping(error) },
      );
    },

    async exec(node, command, { env = {}, ...options } = {}) {
      const mark = randomUUID();
      const args = [
        'exec',
        ...(options.input === undefined ? [] : ['--interactive']),
        ...execArguments({ ...env, [execMark]: mark }),
        node,
        ...command,
      ];
      try {
        return await podman(args, options);
      } catch (error) {
        const code = (error as { code?: string }).code;
        if (options.signal?.aborted || code === 'E_TIMEOUT') await endProcesses(node, mark);
        throw error;
      }
    },

    async attach(node, command, { env = {}, signal } = {}) {
      const { attachPodman } = await import('./podman-attach.ts');
      const mark = randomUUID();
      const onAbort = (): void => void endProcesses(node, mark);
      signal?.addEventListener('abort', onAbort, { once: true });
      try {
        return await attachPodman(execArguments({ ...env, [execMark]: mark }), node, command);
      } finally {
        signal?.removeEventListener('abort', onAbort);
      }
    },

    async diskOf(node) {
      const source = '{{range .Mounts}}{{if eq .Destination "/var"}}{{.Source}}{{end}}{{end}}';
      const disk =
        disks.get(node) ?? ((await podman(['inspect', '--format', source, node])).stdout.trim() || undefined);
      if (disk !== undefined) disks.set(node, disk);
      return disk;
    },
    rootOf(node) {
      return node.pid === undefined ? undefined : `/proc/${node.pid}/root`;
    },
  };
}

function execArguments(env: Readonly<Record<string, string>>): string[] {
  const variables = Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
  return ['--workdir', '/root', ...variables];
}
