import { EdgeadmError, toEdgeadmError } from '../../src/errors.ts';
import type { Host } from '../../src/host/host.ts';
import type { PackageImage } from '../../src/package/types.ts';
import type { PhaseRun } from '../../src/workflow/phase.ts';
import type { NodeContext } from '../context.ts';
import { shareBlobs } from './content-store.ts';
import { ctr } from './ctr.ts';
import { bootId } from './durable.ts';
import { selectLayout } from './image-layout.ts';
import { localImageName } from './image-name.ts';
import { imagesOfRole } from './role-images.ts';

/** Fact: images that were imported in this boot and are not on the disk for sure. */
const unsynced = 'images-unsynced';

interface Unsynced {
  boot: string;
  digests: string[];
}

/**
 * Imports the images that this node's role needs and pins them: an offline node cannot pull again what the kubelet's
 * garbage collection removed (containerd's label io.cri-containerd.pinned). `dataRoot` is that of a containerd that
 * edgeadm installed. The caller calls `imagesAreOnDisk` when they are.
 */
export async function importImages(
  ctx: NodeContext,
  root: string,
  dataRoot: string | undefined,
  run: PhaseRun,
): Promise<boolean> {
  const { host } = ctx;
  const wanted = imagesOfRole(ctx.role, await ctx.package.images());
  await dropLostImages(ctx);
  const present = await pinnedImages(ctx);
  const missing = wanted.filter(({ name }) => !present.has(localImageName(ctx, name)));
  if (missing.length === 0) return false;
  run.progress(`import ${missing.length} images`);
  const digests = missing.map(({ digest }) => digest);
  await host.remember(unsynced, { boot: await bootId(host), digests } satisfies Unsynced);
  const shared =
    dataRoot !== undefined && !host.dryRun && (await importShared(ctx, root, missing, dataRoot, run));
  if (!shared) await importLayout(ctx, root, missing, run);
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

/** Called when the file systems of images were synced. */
export async function imagesAreOnDisk(host: Host): Promise<void> {
  if (unsyncedImages(host)) await host.remember(unsynced, null);
}

/** Whether images were imported whose files may not be on the disk yet. */
export function unsyncedImages(host: Pick<Host, 'recall'>): boolean {
  return Boolean(host.recall(unsynced));
}

/**
 * containerd notes an image durably before the image's files are: after a power cut in between it would start containers
 * from files that are empty. Such images go, to be imported again; nothing runs from them, as kubeadm comes later.
 */
async function dropLostImages({ host }: NodeContext): Promise<void> {
  const cut = host.recall<Unsynced | null>(unsynced);
  if (!cut || cut.boot === (await bootId(host))) return;
  const filters = cut.digests.map((digest) => `target.digest==${digest}`);
  const listed = await host.query(
    { file: 'ctr', args: [...ctr, 'images', 'ls', '-q', ...filters] },
    { allowFailure: host.dryRun },
  );
  const names = listed.stdout.split('\n').filter(Boolean);
  if (names.length === 0) return;
  await host.run(
    { file: 'ctr', args: [...ctr, 'images', 'rm', '--sync', ...names] },
    { key: 'drop-images', summary: 'remove images that a power cut may have damaged', once: false },
  );
}

/**
 * The quick way: containerd gets the large blobs by link. False when that cannot be; what it left then does no harm.
 * containerd's garbage collection may take a blob between its registration and the import, so it is tried twice.
 */
async function importShared(
  ctx: NodeContext,
  root: string,
  images: readonly PackageImage[],
  dataRoot: string,
  run: PhaseRun,
): Promise<boolean> {
  for (let attempt = 1; attempt <= 2; attempt++) {
    const layout = await selectLayout(root, images, (name) => localImageName(ctx, name));
    try {
      if (!(await shareBlobs(ctx.host, layout, dataRoot, run.signal))) return false;
      await importTar(ctx, layout.folder, images, run);
      return true;
    } catch (thrown) {
      run.signal.throwIfAborted();
      const { code, message, details } = toEdgeadmError(thrown);
      if (code !== 'E_COMMAND') throw thrown;
      const why = details.at(-1) ?? message;
      ctx.emit({ type: 'log', level: 1, message: `blobs are not shared with containerd: ${why}` });
    } finally {
      await layout.remove();
    }
  }
  return false;
}

/** The plain way, which any containerd takes. */
async function importLayout(
  ctx: NodeContext,
  root: string,
  images: readonly PackageImage[],
  run: PhaseRun,
): Promise<void> {
  if (ctx.host.dryRun) return importTar(ctx, root, images, run);
  const layout = await selectLayout(root, images, (name) => localImageName(ctx, name));
  try {
    await importTar(ctx, layout.folder, images, run);
  } finally {
    await layout.remove();
  }
}

async function importTar(
  ctx: NodeContext,
  folder: string,
  images: readonly PackageImage[],
  run: PhaseRun,
): Promise<void> {
  await ctx.host.run(
    {
      file: 'ctr',
      args: [...ctr, 'images', 'import', '--label', 'io.cri-containerd.pinned=pinned', '-'],
      input: { command: { file: 'tar', args: ['-C', folder, '-c', 'oci-layout', 'index.json', 'blobs'] } },
      timeoutMs: 900_000,
      signal: run.signal,
    },
    {
      key: `import-images:${ctx.role}`,
      summary: `import and pin ${images.map(({ name }) => name).join(', ')}`,
      once: false,
    },
  );
}

async function pinnedImages(ctx: NodeContext): Promise<Set<string>> {
  const listed = await ctx.host.query(
    { file: 'ctr', args: [...ctr, 'images', 'ls', 'labels."io.cri-containerd.pinned"==pinned', '-q'] },
    { allowFailure: ctx.host.dryRun },
  );
  return new Set(listed.stdout.split('\n').filter(Boolean));
}
