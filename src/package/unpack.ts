import { type FileHandle, mkdir, open, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { EdgeadmError } from '../errors.ts';
import type { EntrySink, WalkOptions } from './check.ts';
import { writing } from './host-write.ts';
import { openPackage } from './open.ts';
import { isSealed } from './seal.ts';
import type { InstallPackage, PackageEntry } from './types.ts';
import { verifyPackage } from './verify.ts';
import { walkPackage } from './walk.ts';

/**
 * Verifies a package and unpacks it to `targetDir` in one pass. What fails or is interrupted leaves nothing under that
 * name: it is filled as `<targetDir>.partial` and renamed. With a `filter` only the entries that pass are checked and
 * written. A `targetDir` that is whole already is left as it is.
 * Errors: E_PACKAGE_CORRUPT, E_PACKAGE_HOSTILE, E_HOST_WRITE (path and reason).
 */
export async function unpackPackage(
  opened: InstallPackage,
  targetDir: string,
  options: WalkOptions = {},
): Promise<void> {
  if (await isWhole(opened, targetDir, options)) return;
  const partial = `${targetDir}.partial`;
  const sink = new FolderSink(partial);
  try {
    await writing(partial, async () => {
      await rm(partial, { recursive: true, force: true });
      // In two steps: the recursive one never returns where nothing can be made (/proc).
      await mkdir(dirname(partial), { recursive: true, mode: 0o755 });
      await mkdir(partial, { mode: 0o755 });
    });
    await checkRoom(opened, partial, options.filter);
    await walkPackage(opened, sink, options);
    await writing(targetDir, async () => {
      await rm(targetDir, { recursive: true, force: true });
      await rename(partial, targetDir);
    });
  } catch (error) {
    await sink.abandon();
    await rm(partial, { recursive: true, force: true }).catch(() => {});
    throw error;
  }
}

/** Whether an earlier run unpacked the same to there, and it is as it was: by its seal, else by reading all of it. */
async function isWhole(opened: InstallPackage, targetDir: string, options: WalkOptions): Promise<boolean> {
  if (!(await stat(targetDir).catch(() => undefined))) return false;
  if (await isSealed(opened, targetDir, options)) return true;
  try {
    const there = await openPackage(targetDir);
    if (there.digest !== opened.digest) return false;
    await verifyPackage(there, undefined, options);
    return true;
  } catch (error) {
    if (error instanceof EdgeadmError) return false;
    throw error;
  }
}

async function checkRoom(
  opened: InstallPackage,
  folder: string,
  filter: WalkOptions['filter'],
): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const needed = opened.manifest.entries
    .filter(filter ?? (() => true))
    .reduce((sum, { size }) => sum + size, 0);
  if (needed <= bavail * bsize) return;
  throw new EdgeadmError(
    'E_HOST_WRITE',
    `no room for the install package: ${folder} needs ${mebibytes(needed)}, ${mebibytes(bavail * bsize)} are free`,
    {
      hint: `Free space on the file system of ${dirname(folder)} (df -h ${dirname(folder)}), then run the same command again.`,
    },
  );
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / (1 << 20))} MiB`;
}

const runtimePath = 'edgeadm/node';
/**
 * Linux (6.16 and newer, ext4) keeps what is written at once as one piece of the page cache, and a process that runs the
 * file gets the whole piece when it touches a page of it: 8 MB more for the process of an edge node until the next boot.
 */
const runtimeWriteBytes = 64 << 10;

/** Writes entries below a folder that nobody else writes to. */
class FolderSink implements EntrySink {
  readonly #root: string;
  readonly #folders = new Set<string>();
  #path = '';
  #runtime = false;
  #file: FileHandle | undefined;

  constructor(root: string) {
    this.#root = root;
  }

  async head(path: string, bytes: Uint8Array): Promise<void> {
    await this.begin({ path, mode: 0o644 });
    await this.data(bytes);
    await this.end();
  }

  async begin(entry: Pick<PackageEntry, 'path' | 'mode'>): Promise<void> {
    this.#path = join(this.#root, entry.path);
    this.#runtime = entry.path === runtimePath;
    const folder = dirname(this.#path);
    await writing(this.#path, async () => {
      if (!this.#folders.has(folder)) await mkdir(folder, { recursive: true, mode: 0o755 });
      this.#folders.add(folder);
      this.#file = await open(this.#path, 'wx', entry.mode);
      // The mode of open() is subject to the umask.
      await this.#file.chmod(entry.mode);
    });
  }

  async data(bytes: Uint8Array): Promise<void> {
    if (!this.#runtime) return writing(this.#path, () => this.#file!.writeFile(bytes));
    for (let at = 0; at < bytes.length; at += runtimeWriteBytes) {
      const piece = bytes.subarray(at, at + runtimeWriteBytes);
      await writing(this.#path, () => this.#file!.writeFile(piece));
    }
  }

  async end(): Promise<void> {
    await writing(this.#path, () => this.#file!.close());
    this.#file = undefined;
  }

  async abandon(): Promise<void> {
    await this.#file?.close().catch(() => {});
  }
}
