import { readdir, readFile } from 'node:fs/promises';
import { toEdgeadmError } from '../../src/errors.ts';
import { paths } from '../../src/host/paths.ts';
import type { Phase } from '../../src/workflow/phase.ts';
import { stateFile } from '../drill/state.ts';
import { kubeadmPath, runKubeadm } from '../kubeadm/run.ts';
import type { ResetContext } from './context.ts';

/** Stops the kubelet, removes all Pods and their processes. Files are restored by the next phase from the journal. */
export const cleanupNodePhase: Phase<ResetContext> = {
  name: 'cleanup-node',
  short: 'Stop the kubelet and remove all Pods',
  async run(ctx, run) {
    const { host, settings } = ctx;
    if (await host.stat(stateFile)) await stopDrill(ctx);
    if (await host.stat(kubeadmPath)) {
      try {
        await runKubeadm(ctx, run, {
          command: ['reset', 'phase', 'cleanup-node'],
          args: [
            `--cert-dir=${settings.certificatesDir}`,
            ...(settings.criSocket ? [`--cri-socket=${settings.criSocket}`] : []),
            ...(settings.cleanupTmpDir ? ['--cleanup-tmp-dir'] : []),
          ],
          key: 'kubeadm-reset:cleanup-node',
          once: false,
          summary: 'kubeadm reset: stop the kubelet, remove containers, unmount, delete state',
          timeoutMs: 300_000,
        });
      } catch (thrown) {
        ctx.emit({
          type: 'warning',
          message: `kubeadm's clean-up was not complete: ${toEdgeadmError(thrown).message}`,
        });
      }
    }
    run.progress('stop what is left of Pods');
    await stopPodProcesses(ctx, run.signal);
    await host
      .run(
        { file: 'systemctl', args: ['stop', 'kubepods.slice'] },
        { key: 'stop-kubepods', summary: "stop the Pods' cgroup slice", once: false },
      )
      .catch(() => undefined); // There is none when no Pod ever ran.
    return true;
  },
};

/** A node that is cut off for a drill gets its link back, and the drill's units go. */
async function stopDrill({ host, emit }: ResetContext): Promise<void> {
  if (!host.dryRun) {
    const [{ endDrill }, { localMachine }] = await Promise.all([
      import('../drill/start.ts'),
      import('../drill/machine.ts'),
    ]);
    await endDrill(localMachine(emit), 'the node was reset');
  }
  const what = { action: 'remove', target: 'drill', summary: 'end the drill and restore the link' };
  emit({ type: 'change', host: host.name, ...what, planned: host.dryRun });
}

/** containerd's shims outlive it (KillMode=process); those of the Kubernetes namespace, and what runs in a Pod's cgroup, are ended here. */
async function stopPodProcesses(ctx: ResetContext, signal: AbortSignal): Promise<void> {
  const doomed = await podProcesses();
  if (doomed.length === 0) return;
  await ctx.host
    .run(
      { file: 'kill', args: ['-KILL', ...doomed.map(String)] },
      { key: 'kill-pods', summary: `end ${doomed.length} processes of Pods`, once: false },
    )
    .catch(() => undefined); // A process that ended meanwhile is as good.
  const deadline = Date.now() + 10_000;
  while (!ctx.host.dryRun && (await podProcesses()).length > 0 && Date.now() < deadline) {
    signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function podProcesses(): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    const words = command.split('\0');
    const shim =
      words[0]?.endsWith('/containerd-shim-runc-v2') === true &&
      words.includes('k8s.io') &&
      words.includes(paths.containerdSocket);
    const cgroup = shim ? '' : await readFile(`/proc/${name}/cgroup`, 'utf8').catch(() => '');
    if (shim || /\/kubepods(\.slice)?\//.test(cgroup)) found.push(Number(name));
  }
  return found;
}
