import { constants, createReadStream } from 'node:fs';
import { lstat, open, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { corrupt } from './archive/frames.ts';
import { readPackageTar } from './archive/read.ts';
import { BLOCK, tarSize } from './archive/tar.ts';
import { Checker, type EntrySink, type WalkOptions } from './check.ts';
import { hostile, MANIFEST, SIGNATURE } from './manifest.ts';
import { naming } from './naming.ts';
import type { InstallPackage } from './types.ts';

/**
 * Reads a package once, entry by entry in the manifest's order, and checks each against the manifest: path, kind, mode,
 * size, SHA-256; nothing unknown, nothing twice, nothing missing. Errors: E_PACKAGE_CORRUPT, E_PACKAGE_HOSTILE.
 */
export async function walkPackage(
  opened: InstallPackage,
  sink: EntrySink,
  options: WalkOptions,
): Promise<void> {
  const checker = new Checker(opened, sink, options);
  await naming(opened.location, async () => {
    await (opened.folder ? walkFolder(opened, checker, options) : walkFile(opened, checker, options));
    checker.finish();
  });
}

async function walkFile(
  opened: InstallPackage,
  checker: Checker,
  { signal, filter }: WalkOptions,
): Promise<void> {
  const stream = createReadStream(opened.path ?? opened.location, {
    highWaterMark: 1 << 20,
    ...(signal && { signal }),
  });
  const skip = filter && refusedContent(opened, filter);
  for await (const event of readPackageTar(stream, skip && { skip })) {
    if (event.type === 'file') checker.begin(event);
    else if (event.type === 'hole') checker.hole(event.size);
    else await checker.data(event.bytes, event.last);
  }
}

/** Says which stretches of the tar lie in the content of an entry that the filter refuses. */
function refusedContent(
  { manifest, headSize }: InstallPackage,
  filter: NonNullable<WalkOptions['filter']>,
): ((at: number, length: number) => boolean) | undefined {
  if (headSize === undefined) return undefined;
  const refused: { from: number; to: number }[] = [];
  let at = headSize;
  for (const entry of manifest.entries) {
    const from = at + BLOCK;
    if (!filter(entry)) refused.push({ from, to: from + entry.size });
    at += tarSize(entry.size);
  }
  return (start, length) => refused.some(({ from, to }) => from <= start && start + length <= to);
}

async function walkFolder(opened: InstallPackage, checker: Checker, options: WalkOptions): Promise<void> {
  const root = opened.path ?? opened.location;
  const known = new Set([MANIFEST, SIGNATURE, ...opened.manifest.entries.map(({ path }) => path)]);
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const path = relative(root, join(entry.parentPath, entry.name));
    if (entry.isDirectory()) continue;
    if (!entry.isFile()) throw hostile(path, 'is not a plain file');
    if (!known.has(path)) throw hostile(path, 'is not in the manifest');
  }
  await readFileOfFolder(root, MANIFEST, checker);
  if (await lstat(join(root, SIGNATURE)).catch(() => undefined))
    await readFileOfFolder(root, SIGNATURE, checker);
  for (const entry of opened.manifest.entries) {
    options.signal?.throwIfAborted();
    if (options.filter?.(entry) === false) checker.passOver(entry);
    else await readFileOfFolder(root, entry.path, checker);
  }
}

async function readFileOfFolder(root: string, path: string, checker: Checker): Promise<void> {
  const full = join(root, path);
  const facts = await lstat(full).catch((cause) => {
    throw corrupt(`it lacks ${path}`, cause);
  });
  checker.begin({ path, size: facts.size });
  const file = await open(full, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    let left = facts.size;
    do {
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(Math.min(4 << 20, left)));
      if (bytesRead === 0 && left > 0) throw corrupt(`${path} was cut while it was read`);
      left -= bytesRead;
      await checker.data(buffer.subarray(0, bytesRead), left === 0);
    } while (left > 0);
  } finally {
    await file.close();
  }
}
