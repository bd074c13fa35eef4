import type { Host } from '../../../src/host/host.ts';
import { paths } from '../../../src/host/paths.ts';
import { ctr } from '../../node/ctr.ts';
import type { ImageFact } from '../facts.ts';

/** containerd's label for what the kubelet's garbage collection leaves alone (internal/cri/labels). */
const pinnedFilter = 'labels."io.cri-containerd.pinned"==pinned';

/** Images that containerd has for the kubelet. Errors: E_COMMAND. */
export async function readImages(host: Host, signal: AbortSignal): Promise<ImageFact[]> {
  const list = async (...filter: string[]) => {
    const { stdout } = await host.query({
      file: 'ctr',
      args: [...ctr, 'images', 'ls', '--quiet', ...filter],
      signal,
      timeoutMs: 15_000,
    });
    return stdout.split('\n').filter((name) => name !== '' && !name.startsWith('sha256:'));
  };
  const [all, pinned] = await Promise.all([list(), list(pinnedFilter)]);
  const isPinned = new Set(pinned);
  return all.map((name) => ({ name, pinned: isPinned.has(name) }));
}

/** `sandbox` of containerd 2's configuration, `sandbox_image` of containerd 1's. */
export async function sandboxImage(host: Host): Promise<string | undefined> {
  const text = (await host.readText(paths.containerdConfig)) ?? '';
  return /^\s*sandbox(?:_image)?\s*=\s*["']([^"']+)["']/m.exec(text)?.[1];
}
