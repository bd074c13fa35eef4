import { type Dirent, lstatSync, readdirSync, readlinkSync, type Stats } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { errno } from '../errors.ts';

/**
 * File names are bytes and need not be UTF-8. Paths in this folder are therefore strings of one character a byte
 * (latin1), which JSON keeps, and buffers for system calls.
 */
export function toBytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

export function toText(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

export function buffer(bytes: string): Buffer {
  return Buffer.from(bytes, 'latin1');
}

/** d directory, f file, l symbolic link, o anything else (socket, FIFO, device). */
export type Type = 'd' | 'f' | 'l' | 'o';

/** Path below the top ('' is the top itself), type, mode, uid, gid, size, mtime (ms), target of a link or SHA-256 of a kept file. */
export type Item = [
  path: string,
  type: Type,
  mode: number,
  uid: number,
  gid: number,
  size: number,
  mtimeMs: number,
  extra?: string,
];

export interface Inventory {
  /** Whether the files' bytes are among the backups. */
  content: boolean;
  /** Mount points at and below the top, in the order they were made. */
  mounts: string[];
  /** Directories before what is in them. */
  items: Item[];
}

/**
 * Lists what is at and below a path without entering mounts below it. Synchronous calls in slices: on a tree of
 * 100 000 files several times as fast as one promise a file, and the event loop still turns.
 */
export async function walk(top: string, mounts: readonly string[]): Promise<Item[]> {
  const fence = new Set(mounts.filter((point) => point !== top));
  const items: Item[] = [];
  const pending = [''];
  const first = facts(top);
  if (!first) return items;
  items.push(item('', top, first));
  if (!first.isDirectory()) return items;
  let sinceTurn = 0;
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    for (const entry of entries(at === '' ? top : `${top}/${at}`)) {
      const name = entry.name.toString('latin1');
      const relative = at === '' ? name : `${at}/${name}`;
      const full = `${top}/${relative}`;
      const found = facts(full);
      if (!found) continue;
      items.push(item(relative, full, found));
      if (found.isDirectory() && !fence.has(full)) pending.push(relative);
      if (++sinceTurn === 2000) {
        sinceTurn = 0;
        await nextTurn();
      }
    }
  }
  return items;
}

export function facts(bytes: string): Stats | undefined {
  try {
    return lstatSync(buffer(bytes));
  } catch (error) {
    if (gone(error)) return undefined;
    throw error;
  }
}

export function entries(directory: string): Dirent<Buffer>[] {
  try {
    return readdirSync(buffer(directory), { withFileTypes: true, encoding: 'buffer' });
  } catch (error) {
    if (gone(error)) return [];
    throw error;
  }
}

export function gone(error: unknown): boolean {
  return errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR';
}

export function typeOf(stats: Stats): Type {
  return stats.isDirectory() ? 'd' : stats.isFile() ? 'f' : stats.isSymbolicLink() ? 'l' : 'o';
}

export function linkTarget(bytes: string): string {
  return readlinkSync(buffer(bytes), 'latin1');
}

function item(relative: string, full: string, stats: Stats): Item {
  const type = typeOf(stats);
  const { uid, gid, size, mtimeMs } = stats;
  const base: Item = [relative, type, stats.mode & 0o7777, uid, gid, size, mtimeMs];
  if (type === 'l') base[7] = linkTarget(full);
  return base;
}
