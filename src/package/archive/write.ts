import { mkdir, open, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sha256Hex } from '../hash.ts';
import { writing } from '../host-write.ts';
import type { PackageEntry } from '../types.ts';
import { compressFrame, FRAME_CONTENT, LEVEL } from './frames.ts';
import { readSegments, type Segment } from './segments.ts';
import { tarEnd, tarHeader, tarPadding } from './tar.ts';

export interface ContentEntry extends PackageEntry {
  content: readonly Segment[];
}

export interface WriteOptions {
  /** Keeps compressed frames, so that the next package with the same files takes them from there. */
  cacheDirectory: string;
  signal?: AbortSignal;
  /** Bytes of content, before compression. */
  onProgress?: (done: number, total: number) => void;
}

/** A run of tar bytes that becomes one or more frames. */
interface Group {
  segments: Segment[];
  size: number;
  /** Name in the cache; small groups have none, they are cheap. */
  key?: string;
}

/** Entries from this size on have frames of their own. */
const LARGE = 1 << 20;

/**
 * Writes a package file: `head` (manifest and signature) in a frame of its own, then the entries in the given order.
 * The file appears under its name when it is whole.
 */
export async function writePackageFile(
  output: string,
  head: readonly ContentEntry[],
  entries: readonly ContentEntry[],
  options: WriteOptions,
): Promise<void> {
  const groups = [group(head), ...groupEntries(entries), { segments: [tarEnd()], size: tarEnd().length }];
  const total = groups.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  await writing(output, () => mkdir(dirname(output), { recursive: true }));
  const partial = `${output}.partial-${process.pid}`;
  const file = await writing(output, () => open(partial, 'w', 0o644));
  try {
    for (const each of groups) {
      options.signal?.throwIfAborted();
      for (const frame of await compressGroup(each, options)) {
        await writing(output, () => file.writeFile(frame));
      }
      done += each.size;
      options.onProgress?.(done, total);
    }
    await writing(output, async () => {
      await file.sync();
      await file.close();
      await rename(partial, output);
    });
  } finally {
    await file.close().catch(() => {});
    await rm(partial, { force: true });
  }
}

function group(entries: readonly ContentEntry[], key?: string): Group {
  const segments = entries.flatMap((entry) => [
    tarHeader({ path: entry.path, mode: entry.mode, type: 'file' }, entry.size),
    ...entry.content,
    tarPadding(entry.size),
  ]);
  const size = segments.reduce(
    (sum, segment) => sum + (segment instanceof Uint8Array ? segment.length : segment.size),
    0,
  );
  return { segments, size, ...(key !== undefined && { key }) };
}

function groupEntries(entries: readonly ContentEntry[]): Group[] {
  const groups: Group[] = [];
  let small: ContentEntry[] = [];
  const flush = () => {
    if (small.length > 0) groups.push(group(small));
    small = [];
  };
  for (const entry of entries) {
    if (entry.size >= LARGE) {
      flush();
      groups.push(group([entry], frameKey(entry)));
      continue;
    }
    small.push(entry);
    if (small.reduce((sum, { size }) => sum + size, 0) >= LARGE) flush();
  }
  flush();
  return groups;
}

function frameKey(entry: ContentEntry): string {
  return sha256Hex(
    JSON.stringify([1, entry.path, entry.mode, entry.sha256, LEVEL, FRAME_CONTENT, process.versions.zstd]),
  );
}

async function compressGroup(each: Group, options: WriteOptions): Promise<Buffer[]> {
  const stored = each.key === undefined ? undefined : join(options.cacheDirectory, 'frames', each.key);
  if (stored !== undefined) {
    const known = await readFile(stored).catch(() => undefined);
    if (known !== undefined) {
      await utimes(stored, new Date(), new Date());
      return [known];
    }
  }
  const frames: Promise<Buffer>[] = [];
  let parts: Uint8Array[] = [];
  let size = 0;
  const flush = async () => {
    if (size === 0) return;
    frames.push(compressFrame(Buffer.concat(parts, size)));
    parts = [];
    size = 0;
    // Compression runs on other threads: keep a few at work, not all of a large file.
    await frames.at(-4);
  };
  for await (let chunk of readSegments(each.segments)) {
    options.signal?.throwIfAborted();
    while (chunk.length > 0) {
      const part = chunk.subarray(0, FRAME_CONTENT - size);
      parts.push(part);
      size += part.length;
      chunk = chunk.subarray(part.length);
      if (size === FRAME_CONTENT) await flush();
    }
  }
  await flush();
  const compressed = await Promise.all(frames);
  if (stored !== undefined) {
    await writing(stored, async () => {
      await mkdir(dirname(stored), { recursive: true });
      await writeFile(`${stored}.${process.pid}`, compressed);
      await rename(`${stored}.${process.pid}`, stored);
    });
  }
  return compressed;
}
