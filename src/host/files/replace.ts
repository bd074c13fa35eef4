import { createHash } from 'node:crypto';
import { constants, type PathLike } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import { errno } from '../errors.ts';

export interface Attributes {
  mode: number;
  uid?: number;
  gid?: number;
  mtimeMs?: number;
}

export type Source = { bytes: Uint8Array } | { copy: PathLike } | { link: string };

/** Where a path's new content is put together: beside it, always under the same name, so that a later run finds and removes it. */
export function temporaryPath(real: string): string {
  const name = createHash('sha256').update(path.basename(real)).digest('hex').slice(0, 16);
  return path.join(path.dirname(real), `.edgeadm-${name}.tmp`);
}

/** Makes a directory's entries durable. */
export async function syncDirectory(real: string): Promise<void> {
  const handle = await fs.open(real, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } catch (error) {
    // Some file systems know no fsync of a directory.
    if (errno(error) !== 'EINVAL') throw error;
  } finally {
    await handle.close();
  }
}

/** Puts new content at a path in one step: readers see the old file or the new one, a power cut leaves one of the two. */
export async function replaceFile(real: string, source: Source, attributes: Attributes): Promise<void> {
  const temporary = temporaryPath(real);
  await fs.rm(temporary, { force: true });
  try {
    if ('link' in source) await fs.link(source.link, temporary);
    else await fill(temporary, source, attributes);
    await fs.rename(temporary, real);
  } catch (error) {
    await fs.rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  await syncDirectory(path.dirname(real));
}

/** Puts new content into the same inode: for a file that is a mount point, which cannot be replaced. Not atomic. */
export async function rewriteFile(real: string, bytes: Uint8Array, attributes: Attributes): Promise<void> {
  const handle = await fs.open(real, constants.O_WRONLY);
  try {
    await handle.truncate(0);
    await handle.writeFile(bytes);
    await attribute(handle, attributes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Puts a symbolic link at a path in one step. */
export async function replaceLink(
  real: string,
  target: string,
  owner?: { uid: number; gid: number },
): Promise<void> {
  const temporary = temporaryPath(real);
  await fs.rm(temporary, { force: true });
  try {
    await fs.symlink(target, temporary);
    if (owner && process.getuid?.() === 0) await fs.lchown(temporary, owner.uid, owner.gid);
    await fs.rename(temporary, real);
  } catch (error) {
    await fs.rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  await syncDirectory(path.dirname(real));
}

async function fill(
  temporary: string,
  source: { bytes: Uint8Array } | { copy: PathLike },
  attributes: Attributes,
): Promise<void> {
  if ('copy' in source)
    await fs.copyFile(source.copy, temporary, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  const create = 'copy' in source ? 0 : constants.O_CREAT | constants.O_EXCL;
  const handle = await fs.open(temporary, constants.O_WRONLY | constants.O_NOFOLLOW | create, 0o600);
  try {
    if ('bytes' in source) await handle.writeFile(source.bytes);
    await attribute(handle, attributes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function attribute(handle: fs.FileHandle, attributes: Attributes): Promise<void> {
  const { mode, uid, gid, mtimeMs } = attributes;
  // Owner before mode: chown(2) clears set-user-id bits.
  if (uid !== undefined && gid !== undefined && process.getuid?.() === 0) await handle.chown(uid, gid);
  await handle.chmod(mode);
  if (mtimeMs !== undefined) await handle.utimes(mtimeMs / 1000, mtimeMs / 1000);
}
