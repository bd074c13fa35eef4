import fs from 'node:fs/promises';
import path from 'node:path';
import { EdgeadmError } from '../../errors.ts';
import { refusing } from '../errors.ts';
import { blockIsLast, blockOf, withBlock } from '../files/block.ts';
import { type Attributes, replaceFile, rewriteFile, syncDirectory, temporaryPath } from '../files/replace.ts';
import { hashBytes, lstat, type PathState } from '../files/state.ts';
import type { Entry } from '../journal/journal.ts';
import { change, type Seam, unchanged } from '../seam.ts';
import { isMountPoint } from '../tree/mounts.ts';
import { makeDirectory } from './directory.ts';

interface Before {
  file: PathState;
  /** Lines of a block that stood there already. */
  lines?: string[];
  /** The text before did not end in a newline; one was added. */
  noNewline: boolean;
}

export interface BlockAfter {
  /** The file's path with links followed. */
  path: string;
  lines: string[];
  /** Of the whole file; the content is among the backups when it is written in place. */
  sha256: string;
  inPlace?: true;
}

/** Keeps a block of lines in a text file; see Host.editBlock. */
export async function editBlock(
  seam: Seam,
  at: string,
  marker: string,
  lines: readonly string[],
): Promise<boolean> {
  if (/[\r\n]/.test(marker) || lines.some((line) => line.includes('\n'))) {
    throw new EdgeadmError('E_INTERNAL', `a line or the marker of the block ${marker} holds a newline`);
  }
  const target = await seam.view.follow(at);
  const key = `block:${target}#${marker}`;
  const state = await seam.view.state(target);
  if (state.kind === 'directory' || state.kind === 'other') {
    throw new EdgeadmError('E_HOST_WRITE', `cannot edit ${target}: it is not a file`, {
      hint: `Look at it (ls -ld ${target}) and move it away.`,
    });
  }
  const text = (await seam.view.read(target))?.toString('utf8') ?? '';
  const wanted = withBlock(text, marker, lines.length === 0 ? undefined : lines);
  if (wanted === text) return unchanged(seam, key);

  await makeDirectory(seam, path.dirname(target));
  const bytes = Buffer.from(wanted);
  const real = seam.view.real(target);
  const mode = state.kind === 'file' ? state.mode : 0o644;
  const attributes: Attributes = {
    mode,
    ...(state.kind === 'file' ? { uid: state.uid, gid: state.gid } : {}),
  };
  const inPlace = state.kind === 'file' && !seam.dryRun && (await isMountPoint(real));
  if (inPlace) await seam.backups.keepBytes(bytes);
  const known = blockOf(text, marker);
  const before: Before = {
    file: state,
    ...(known ? { lines: known } : {}),
    noNewline: known === undefined && text !== '' && !text.endsWith('\n'),
  };
  const after: BlockAfter = {
    path: target,
    lines: [...lines],
    sha256: hashBytes(bytes),
    ...(inPlace ? { inPlace: true } : {}),
  };
  const summary = lines.length === 0 ? `remove the block ${marker}` : `block ${marker}: ${lines.join('; ')}`;
  return change(
    seam,
    { kind: 'block', key, before: async () => before, after, action: 'edit', target, summary },
    () =>
      refusing({ path: target, real, action: 'edit', bytes: bytes.length }, () =>
        store(real, bytes, attributes, inPlace),
      ),
    () => seam.view.plan(target, { kind: 'file', bytes, mode }),
  );
}

/** Takes the block out again (or puts a former one back), whatever else was changed in the file since. */
export async function undoBlock(seam: Seam, entry: Entry): Promise<void> {
  const before = entry.before as Before;
  const { path: target } = entry.after as BlockAfter;
  const marker = entry.key.slice(`block:${target}#`.length);
  const real = seam.view.real(target);
  await fs.rm(temporaryPath(real), { force: true }).catch(() => {});
  const facts = await lstat(real);
  if (!facts?.isFile()) return;
  const text = await fs.readFile(real, 'utf8');
  const rest = withBlock(text, marker, before.lines);
  const wanted = before.noNewline && endsInOurs(rest, text, marker, before) ? rest.slice(0, -1) : rest;
  if (wanted === '' && before.file.kind === 'absent') {
    await fs.rm(real);
    await syncDirectory(path.dirname(real));
    return;
  }
  if (wanted === text) return;
  const bytes = Buffer.from(wanted);
  const attributes: Attributes = {
    mode: facts.mode & 0o7777,
    uid: facts.uid,
    gid: facts.gid,
    ...(before.file.kind === 'file' && before.file.sha256 === hashBytes(bytes)
      ? { mtimeMs: before.file.mtimeMs }
      : {}),
  };
  await refusing({ path: target, real, action: 'edit', bytes: bytes.length }, async () =>
    store(real, bytes, attributes, await isMountPoint(real)),
  );
}

/** True when the newline at the end is the one that was added for the block, which may be gone already. */
function endsInOurs(rest: string, text: string, marker: string, { file }: Before): boolean {
  if (!rest.endsWith('\n')) return false;
  return (
    blockIsLast(text, marker) ||
    (file.kind === 'file' && file.sha256 === hashBytes(Buffer.from(rest.slice(0, -1))))
  );
}

async function store(
  real: string,
  bytes: Uint8Array,
  attributes: Attributes,
  inPlace: boolean,
): Promise<void> {
  if (inPlace) await rewriteFile(real, bytes, attributes);
  else await replaceFile(real, { bytes }, attributes);
}
