import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { EdgeadmError } from '../errors.ts';
import type { Provider } from './provider.ts';
import type { Playground } from './types.ts';

const ctr = ['ctr', '--namespace', 'k8s.io', 'images'] as const;
const pinned = 'io.cri-containerd.pinned=pinned';
const importTimeoutMs = 900_000;

export interface LoadRun {
  signal: AbortSignal;
  progress(step: string, amount?: { done: number; total: number; unit: 'bytes' | 'items' }): void;
}

/**
 * Puts container images into containerd of all running nodes and pins them: a node cannot pull again what the kubelet's
 * garbage collection deletes. `source` is an OCI or Docker archive file, or the name of an image in this machine's own
 * podman. Returns the names the images have on the nodes. Errors: E_PLAYGROUND.
 */
export async function loadImages(
  provider: Provider,
  playground: Playground,
  source: string,
  run: LoadRun,
): Promise<string[]> {
  const nodes = playground.nodes.filter(({ state }) => state === 'running').map(({ name }) => name);
  if (nodes.length === 0) {
    throw new EdgeadmError('E_PLAYGROUND', `no node of playground "${playground.name}" runs`, {
      hint: 'See `edgeadm playground list`.',
    });
  }
  const folder = await mkdtemp(join(tmpdir(), 'edgeadm-load-'));
  try {
    const archive = await findArchive(provider, source, folder, run);
    let done = 0;
    const report = (): void => run.progress(`import ${source}`, { done, total: nodes.length, unit: 'items' });
    report();
    const names = await Promise.all(
      nodes.map(async (node) => {
        const imported = await importInto(provider, node, archive, run.signal);
        done += 1;
        report();
        return imported;
      }),
    );
    return [...new Set(names.flat())].sort();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function findArchive(
  provider: Provider,
  source: string,
  folder: string,
  run: LoadRun,
): Promise<string> {
  const path = resolve(source);
  const facts = await stat(path).catch(() => undefined);
  if (facts?.isFile()) return path;
  if (facts) {
    throw new EdgeadmError('E_PLAYGROUND', `${source} is a folder; an image archive is one file`, {
      hint: `Pack an OCI layout with: tar -C ${source} -cf image.tar .`,
    });
  }
  if (!(await provider.hasImage(source))) {
    throw new EdgeadmError('E_PLAYGROUND', `there is no file and no local image ${source}`, {
      hint: `See \`${provider.name} images\`; images that were built here begin with localhost/.`,
    });
  }
  const archive = join(folder, 'image.tar');
  run.progress(`save ${source}`);
  await provider.saveImage(source, archive, run.signal);
  return archive;
}

async function importInto(
  provider: Provider,
  node: string,
  archive: string,
  signal: AbortSignal,
): Promise<string[]> {
  const before = await imageNames(provider, node, signal);
  const { stdout } = await provider.exec(node, [...ctr, 'import', '-'], {
    input: { path: archive },
    timeoutMs: importTimeoutMs,
    signal,
  });
  const after = await imageNames(provider, node, signal);
  // An image that was there before under the same name is told by the output alone.
  const names = after.filter((name) => !before.includes(name) || mentions(stdout, name));
  if (names.length === 0) {
    throw new EdgeadmError('E_PLAYGROUND', `the archive has no image with a name`, {
      host: node,
      details: stdout.trim().split('\n').slice(-5),
      hint: 'Save it with its name and tag: podman save --format oci-archive -o image.tar NAME:TAG',
    });
  }
  for (const name of names) await provider.exec(node, [...ctr, 'label', name, pinned], { signal });
  return names;
}

async function imageNames(provider: Provider, node: string, signal: AbortSignal): Promise<string[]> {
  const { stdout } = await provider.exec(node, [...ctr, 'list', '--quiet'], { signal });
  // The CRI plugin also lists each image by its digest.
  return stdout
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('sha256:') && !line.includes('@sha256:'));
}

const mentions = (output: string, name: string): boolean =>
  output.split('\n').some((line) => line.split(/[\s(]+/).includes(name));
