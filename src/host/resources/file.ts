import fs from 'node:fs/promises';
import path from 'node:path';
import { EdgeadmError } from '../../errors.ts';
import { formatBytes, refusing } from '../errors.ts';
import { replaceFile, replaceLink, rewriteFile, syncDirectory } from '../files/replace.ts';
import { hashBytes, hashFile, type PathState, sameContent } from '../files/state.ts';
import { change, type Seam, unchanged } from '../seam.ts';
import { isMountPoint } from '../tree/mounts.ts';
import { makeDirectory, octal } from './directory.ts';
import { noteUnitFile } from './unit.ts';

export interface WriteOptions {
  mode?: number;
  secret?: boolean;
}

/** What a file entry's intent says will be there. */
export type FileAfter =
  | { kind: 'absent' }
  | { kind: 'symlink'; target: string }
  | { kind: 'file'; sha256: string; mode: number; size: number; inPlace?: true };

export function fileKey(at: string): string {
  return `file:${at}`;
}

/** Writes a file in one step; see Host.writeFile. Keeps mode and owner of an existing file unless told. */
export async function writeFile(
  seam: Seam,
  at: string,
  content: string | Uint8Array,
  options: WriteOptions,
): Promise<boolean> {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  const current = await seam.view.state(at);
  refuseOther(at, current);
  const old = current.kind === 'file' ? current : undefined;
  const mode = options.mode ?? old?.mode ?? 0o644;
  const sha256 = hashBytes(bytes);
  if (old && old.sha256 === sha256 && old.mode === mode) return unchanged(seam, fileKey(at));

  await makeDirectory(seam, path.dirname(at));
  const real = seam.view.real(at);
  const inPlace = old !== undefined && !seam.dryRun && (await isMountPoint(real));
  if (inPlace) await seam.backups.keepBytes(bytes);
  const after: FileAfter = {
    kind: 'file',
    sha256,
    mode,
    size: bytes.length,
    ...(inPlace ? { inPlace: true } : {}),
  };
  const owner = old ? { uid: old.uid, gid: old.gid } : {};
  return put(
    seam,
    at,
    {
      current,
      after,
      action: 'write',
      summary: describe(current, bytes.length, mode, options.secret === true),
    },
    () =>
      inPlace
        ? rewriteFile(real, bytes, { mode, ...owner })
        : replaceFile(real, { bytes }, { mode, ...owner }),
    () => seam.view.plan(at, { kind: 'file', bytes, mode }),
  );
}

/** Puts a file of this machine at a path of the host, by hard link where file system and mode allow it. */
export async function installFile(
  seam: Seam,
  source: string,
  at: string,
  options: { mode?: number; sha256?: string },
): Promise<boolean> {
  const from = await refusing({ path: source, action: 'read' }, () => fs.stat(source));
  const mode = options.mode ?? from.mode & 0o7777;
  const real = seam.view.real(at);
  const there = await fs.lstat(real).catch(() => undefined);
  if (there?.isFile() && there.ino === from.ino && there.dev === from.dev && (there.mode & 0o7777) === mode) {
    return unchanged(seam, fileKey(at));
  }
  const sha256 = options.sha256 ?? (await hashFile(source));
  const current = await seam.view.state(at);
  refuseOther(at, current);
  if (current.kind === 'file' && current.sha256 === sha256 && current.mode === mode)
    return unchanged(seam, fileKey(at));

  await makeDirectory(seam, path.dirname(at));
  const linkable =
    (from.mode & 0o7777) === mode && !seam.dryRun && (await sameDevice(from.dev, path.dirname(real)));
  const after: FileAfter = { kind: 'file', sha256, mode, size: from.size };
  return put(
    seam,
    at,
    { current, after, action: 'install', summary: describe(current, from.size, mode, false) },
    async () => {
      if (
        linkable &&
        (await replaceFile(real, { link: source }, { mode }).then(
          () => true,
          () => false,
        ))
      )
        return;
      await replaceFile(real, { copy: source }, { mode, uid: 0, gid: 0 });
    },
    () => seam.view.plan(at, { kind: 'file', bytes: { real: source, size: from.size }, mode }),
  );
}

/** Makes a symbolic link, in place of whatever file or link is there. */
export async function symlink(seam: Seam, target: string, at: string): Promise<boolean> {
  const current = await seam.view.state(at);
  refuseOther(at, current);
  if (current.kind === 'symlink' && current.target === target) return unchanged(seam, fileKey(at));
  await makeDirectory(seam, path.dirname(at));
  return put(
    seam,
    at,
    { current, after: { kind: 'symlink', target }, action: 'link', summary: `to ${target}` },
    () => replaceLink(seam.view.real(at), target),
    () => seam.view.plan(at, { kind: 'symlink', target }),
  );
}

/** Removes a file or a symbolic link. */
export async function removeFile(seam: Seam, at: string): Promise<boolean> {
  const current = await seam.view.state(at);
  if (current.kind === 'absent') return unchanged(seam, fileKey(at));
  refuseOther(at, current);
  const real = seam.view.real(at);
  return put(
    seam,
    at,
    {
      current,
      after: { kind: 'absent' },
      action: 'remove',
      summary: current.kind === 'file' ? formatBytes(current.size) : 'link',
    },
    async () => {
      await fs.rm(real);
      await syncDirectory(path.dirname(real));
    },
    () => seam.view.plan(at, { kind: 'absent' }),
  );
}

interface Put {
  current: PathState;
  after: FileAfter;
  action: string;
  summary: string;
}

async function put(
  seam: Seam,
  at: string,
  what: Put,
  act: () => Promise<void>,
  plan: () => void,
): Promise<true> {
  const { current, after, action, summary } = what;
  noteUnitFile(seam, at);
  if (!seam.dryRun) await keepForeign(seam, at, current);
  const real = seam.view.real(at);
  const bytes = after.kind === 'file' ? { bytes: after.size } : {};
  return change(
    seam,
    {
      kind: 'file',
      key: fileKey(at),
      before: () => keepBefore(seam, at, current),
      after,
      action,
      target: at,
      summary,
    },
    () => refusing({ path: at, real, action, ...bytes }, act),
    plan,
  );
}

/** The state to come back to, with a copy of the content on the disk. */
async function keepBefore(seam: Seam, at: string, current: PathState): Promise<PathState> {
  if (current.kind === 'file') await seam.backups.keepFile(seam.view.real(at), current.sha256, current.size);
  return current;
}

/** A file that somebody changed after edgeadm wrote it is about to be written again: keep their version. */
async function keepForeign(seam: Seam, at: string, current: PathState): Promise<void> {
  const entry = seam.journal.entry(fileKey(at));
  if (!entry || current.kind !== 'file') return;
  const known = [entry.before, ...entry.afters] as PathState[];
  if (known.some((state) => sameContent(state, current))) return;
  await seam.backups.keepFile(seam.view.real(at), current.sha256, current.size);
  seam.emit({
    type: 'warning',
    message: `${at} was changed by somebody else after edgeadm wrote it; it is written again`,
    hint: `Their version is kept until reset: ${seam.backups.shown(current.sha256)}`,
  });
}

function refuseOther(at: string, current: PathState): void {
  if (current.kind !== 'directory' && current.kind !== 'other') return;
  throw new EdgeadmError(
    'E_HOST_WRITE',
    `cannot write ${at}: a ${current.kind === 'directory' ? 'directory' : 'device, socket or FIFO'} is there`,
    {
      hint: `Look at it (ls -ld ${at}) and move it away. Then run the same command again.`,
    },
  );
}

async function sameDevice(device: number, directory: string): Promise<boolean> {
  return fs.stat(directory).then(
    ({ dev }) => dev === device,
    () => false,
  );
}

function describe(current: PathState, bytes: number, mode: number, secret: boolean): string {
  const what =
    current.kind === 'absent'
      ? 'new file'
      : current.kind === 'file'
        ? 'changed file'
        : `file instead of a ${current.kind}`;
  return secret
    ? `${what}, mode ${octal(mode)}, secret`
    : `${what}, mode ${octal(mode)}, ${formatBytes(bytes)}`;
}
