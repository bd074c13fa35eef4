import type { KubeDocument } from '../../src/config/types.ts';
import { EdgeadmError, toEdgeadmError } from '../../src/errors.ts';
import type { Host } from '../../src/host/host.ts';

/** Whether the kubelet is told to run with swap on. */
export function toleratesSwap({ documents }: { documents: readonly KubeDocument[] }): boolean {
  return documents.some(({ kind, failSwapOn }) => kind === 'KubeletConfiguration' && failSwapOn === false);
}

/** What to do where swap has to stay on. */
export const keepSwapHint =
  'Or let the kubelet run with it: failSwapOn: false in a KubeletConfiguration of --config.';

/** `swapoff -a` for now and a commented-out fstab for later. Errors: E_PHASE_STATE when the kernel refuses. */
export async function turnSwapOff(host: Host): Promise<boolean> {
  const active = ((await host.readText('/proc/swaps')) ?? '').trim().split('\n').slice(1);
  if (active.length > 0) {
    try {
      await host.run(
        { file: 'swapoff', args: ['-a'] },
        { key: 'swap-off', summary: 'turn swap off', undo: { file: 'swapon', args: ['-a'] }, once: false },
      );
    } catch (thrown) {
      const { code, message, details } = toEdgeadmError(thrown);
      if (code !== 'E_COMMAND') throw thrown;
      const areas = active.map((line) => line.split(/\s+/)[0]).join(', ');
      throw new EdgeadmError('E_PHASE_STATE', `swap (${areas}) cannot be turned off: ${message}`, {
        hint: `Turn it off by hand (swapoff -a), then run the same command again. ${keepSwapHint}`,
        details: [...details],
        cause: thrown,
      });
    }
  }
  const fstab = await host.readText('/etc/fstab');
  const edited = fstab?.replace(/^(?!\s*#)(\S+\s+\S+\s+swap\s.*)$/gm, '# off for Kubernetes (edgeadm): $1');
  const written = edited !== undefined && edited !== fstab && (await host.writeFile('/etc/fstab', edited));
  return active.length > 0 || written;
}
