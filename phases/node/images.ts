import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EdgeadmError } from '../../src/errors.ts';
import { paths } from '../../src/host/paths.ts';
import type { PackageImage } from '../../src/package/types.ts';
import type { PhaseRun } from '../../src/workflow/phase.ts';
import type { NodeContext } from '../context.ts';
import { localImageName } from './image-name.ts';

const ctr = ['--address', paths.containerdSocket, '--namespace', 'k8s.io'] as const;

/** Images that only a control-plane node runs. */
const controlPlaneOnly =
  /\/(kube-apiserver|kube-controller-manager|kube-scheduler|etcd|kube-vip|proxy-server|edgeadm)[:@]/;

/**
 * Imports the images that this node's role needs and pins them: an offline node cannot pull again what the kubelet's
 * garbage collection removed (containerd's label io.cri-containerd.pinned).
 */
export async function importImages(ctx: NodeContext, root: string, run: PhaseRun): Promise<boolean> {
  const { host } = ctx;
  const wanted = (await ctx.package.images()).filter(
    ({ name }) => ctx.role === 'control-plane' || !controlPlaneOnly.test(name),
  );
  const present = await pinnedImages(ctx);
  const missing = wanted.filter(({ name }) => !present.has(localImageName(ctx, name)));
  if (missing.length === 0) return false;
  run.progress(`import ${missing.length} images`);
  const layout = await selectLayout(root, missing, (name) => localImageName(ctx, name));
  try {
    await host.run(
      {
        file: 'ctr',
        args: [...ctr, 'images', 'import', '--label', 'io.cri-containerd.pinned=pinned', '-'],
        input: { command: { file: 'tar', args: ['-C', layout, '-c', 'oci-layout', 'index.json', 'blobs'] } },
        timeoutMs: 900_000,
        signal: run.signal,
      },
      {
        key: `import-images:${ctx.role}`,
        summary: `import and pin ${missing.map(({ name }) => name).join(', ')}`,
        once: false,
      },
    );
  } finally {
    await rm(layout, { recursive: true, force: true });
  }
  const now = await pinnedImages(ctx);
  const lost = host.dryRun ? [] : missing.filter(({ name }) => !now.has(localImageName(ctx, name)));
  if (lost.length > 0) {
    throw new EdgeadmError(
      'E_PHASE_STATE',
      `images are missing after the import: ${lost.map(({ name }) => name).join(', ')}`,
      {
        hint: 'See `journalctl -u containerd`; run the same command again.',
      },
    );
  }
  return true;
}

async function pinnedImages(ctx: NodeContext): Promise<Set<string>> {
  const listed = await ctx.host.query(
    { file: 'ctr', args: [...ctr, 'images', 'ls', 'labels."io.cri-containerd.pinned"==pinned', '-q'] },
    { allowFailure: ctx.host.dryRun },
  );
  return new Set(listed.stdout.split('\n').filter(Boolean));
}

/** A folder beside the package's own layout with hard links to just the blobs of some images. Returns its path. */
async function selectLayout(
  root: string,
  images: readonly PackageImage[],
  rename: (name: string) => string,
): Promise<string> {
  const source = join(root, 'images');
  const target = join(root, '.import');
  await rm(target, { recursive: true, force: true });
  await mkdir(join(target, 'blobs/sha256'), { recursive: true, mode: 0o700 });
  const index = JSON.parse(await readFile(join(source, 'index.json'), 'utf8')) as {
    manifests: { digest: string; annotations?: Record<string, string> }[];
  };
  const blob = (digest: string) => join('blobs', digest.replace(':', '/'));
  const linked = new Set<string>();
  const take = async (digest: string) => {
    if (linked.has(digest)) return;
    linked.add(digest);
    await link(join(source, blob(digest)), join(target, blob(digest)));
  };
  const nameKey = 'io.containerd.image.name';
  const names = new Set(images.map(({ name }) => name));
  const manifests = index.manifests.filter(({ annotations }) => names.has(annotations?.[nameKey] ?? ''));
  for (const { digest } of manifests) {
    await take(digest);
    const manifest = JSON.parse(await readFile(join(source, blob(digest)), 'utf8')) as {
      config: { digest: string };
      layers: { digest: string }[];
    };
    for (const part of [manifest.config, ...manifest.layers]) await take(part.digest);
  }
  const renamed = manifests.map((entry) => ({
    ...entry,
    annotations: { ...entry.annotations, [nameKey]: rename(entry.annotations?.[nameKey] ?? '') },
  }));
  await writeFile(join(target, 'index.json'), JSON.stringify({ ...index, manifests: renamed }));
  await link(join(source, 'oci-layout'), join(target, 'oci-layout'));
  return target;
}
