import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../../src/host/host.ts';
import { ctr } from './ctr.ts';
import type { ImageLayout } from './image-layout.ts';

/** Smaller blobs go through the import; it is not worth a process for each. */
const large = 1 << 20;
/** Registering is mostly waiting for containerd. */
const atOnce = 4;

/**
 * Gives containerd the layout's large blobs without copying them: the package's files, whose SHA-256 was proven, become
 * files of its content store as hard links, and an ingest of known digest and size then finds them there ("shared"
 * content, the default of containerd's content_sharing_policy). They are no longer in the layout afterwards. Neither
 * read, hashed nor written again, they also take no second place on the disk.
 *
 * False when the two are on different file systems. Source: containerd's plugins/content/local (the store's layout) and
 * core/metadata/content.go.
 */
export async function shareBlobs(
  host: Pick<Host, 'query'>,
  layout: ImageLayout,
  dataRoot: string,
  signal: AbortSignal,
): Promise<boolean> {
  const store = join(dataRoot, 'io.containerd.content.v1.content/blobs/sha256');
  await mkdir(store, { recursive: true, mode: 0o755 });
  const shared: { sha256: string; path: string; size: number }[] = [];
  for (const { sha256, path } of layout.blobs) {
    const { size } = await stat(path);
    if (size < large) continue;
    const link = join(layout.folder, 'blobs/sha256', sha256);
    try {
      // Over what an earlier run may have left there in parts.
      await rename(link, join(store, sha256));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EXDEV') return false;
      throw error;
    }
    // A rename between two links to one file does nothing.
    await rm(link, { force: true });
    shared.push({ sha256, path, size });
  }
  const register = ({ sha256, path, size }: (typeof shared)[number]) =>
    host.query({
      file: 'ctr',
      args: [
        ...[...ctr, 'content', 'ingest', '--expected-digest', `sha256:${sha256}`],
        ...['--expected-size', String(size), `edgeadm-${sha256}`],
      ],
      // Read only if it is not in the store any more.
      input: { path },
      signal,
    });
  for (let at = 0; at < shared.length; at += atOnce) {
    await Promise.all(shared.slice(at, at + atOnce).map(register));
  }
  return true;
}
