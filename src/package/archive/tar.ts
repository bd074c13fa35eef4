import { Header } from 'tar';
import { type Segment, segmentsSize } from './segments.ts';

export const BLOCK = 512;

export interface TarEntry {
  /** Relative, no leading `./`; a directory's has no trailing slash. */
  path: string;
  mode: number;
  type: 'file' | 'directory' | 'symlink';
  /** Of a symlink. */
  target?: string;
  /** Of a file. */
  content?: readonly Segment[];
}

/** A ustar header with neither owner nor time, so that equal content gives equal bytes. Paths up to 255 bytes. */
export function tarHeader(entry: Pick<TarEntry, 'path' | 'mode' | 'type' | 'target'>, size: number): Buffer {
  const header = new Header({
    path: entry.type === 'directory' ? `${entry.path}/` : entry.path,
    mode: entry.mode,
    uid: 0,
    gid: 0,
    size,
    mtime: new Date(0),
    type: entry.type === 'file' ? 'File' : entry.type === 'directory' ? 'Directory' : 'SymbolicLink',
    ...(entry.target !== undefined && { linkpath: entry.target }),
  });
  const block = Buffer.alloc(BLOCK);
  if (header.encode(block, 0)) throw new Error(`${entry.path} does not fit into a tar header`);
  return block;
}

/** Bytes that a file of this size takes in a tar: header, content, padding. */
export function tarSize(size: number): number {
  return BLOCK + Math.ceil(size / BLOCK) * BLOCK;
}

/** Zeroes that fill the last block of a file of this size. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

/** Two empty blocks end an archive. */
export function tarEnd(): Buffer {
  return Buffer.alloc(2 * BLOCK);
}

/** A whole tar archive; entries are sorted by path, parents before children. */
export function tarSegments(entries: readonly TarEntry[]): Segment[] {
  const segments: Segment[] = [];
  for (const entry of [...entries].sort((a, b) => comparePaths(a.path, b.path))) {
    const content = entry.content ?? [];
    const size = segmentsSize(content);
    segments.push(tarHeader(entry, size), ...content, tarPadding(size));
  }
  return [...segments, tarEnd()].filter(
    (segment) => !(segment instanceof Uint8Array && segment.length === 0),
  );
}

/** By bytes, so that the order does not depend on a locale. */
export function comparePaths(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
