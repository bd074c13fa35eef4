import { createHash } from 'node:crypto';
import type { PathLike } from 'node:fs';
import fs from 'node:fs/promises';
import { errno } from '../errors.ts';

/** What is at a path, as the journal records it. `mtimeMs` in milliseconds since 1970. */
export type PathState =
  | { kind: 'absent' }
  | { kind: 'file'; mode: number; uid: number; gid: number; size: number; mtimeMs: number; sha256: string }
  | { kind: 'symlink'; target: string; uid: number; gid: number }
  | { kind: 'directory'; mode: number; uid: number; gid: number }
  /** Socket, FIFO or device. */
  | { kind: 'other'; mode: number };

/** Reads what is at a path, without following a symbolic link at its end. */
export async function pathState(real: string): Promise<PathState> {
  const facts = await lstat(real);
  if (!facts) return { kind: 'absent' };
  const { uid, gid, size, mtimeMs } = facts;
  const mode = facts.mode & 0o7777;
  if (facts.isSymbolicLink()) return { kind: 'symlink', target: await fs.readlink(real), uid, gid };
  if (facts.isDirectory()) return { kind: 'directory', mode, uid, gid };
  if (facts.isFile()) return { kind: 'file', mode, uid, gid, size, mtimeMs, sha256: await hashFile(real) };
  return { kind: 'other', mode };
}

/** lstat(2), or undefined when nothing is there (a missing parent or one that is no directory included). */
export async function lstat(real: string) {
  try {
    return await fs.lstat(real);
  } catch (error) {
    if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** SHA-256 of a file's content, lower-case hex. */
export async function hashFile(real: PathLike): Promise<string> {
  const hash = createHash('sha256');
  const handle = await fs.open(real, 'r');
  try {
    const buffer = Buffer.allocUnsafe(1 << 20);
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return hash.digest('hex');
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}

export function hashBytes(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Same content: what tells edgeadm's own work from somebody else's. Modes and owners do not count. */
export function sameContent(a: PathState, b: PathState): boolean {
  if (a.kind === 'file' && b.kind === 'file') return a.sha256 === b.sha256;
  if (a.kind === 'symlink' && b.kind === 'symlink') return a.target === b.target;
  return a.kind === b.kind;
}
