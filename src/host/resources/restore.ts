import fs from 'node:fs/promises';
import path from 'node:path';
import { errno, refusing } from '../errors.ts';
import { replaceFile, replaceLink, rewriteFile, syncDirectory, temporaryPath } from '../files/replace.ts';
import { type PathState, pathState, sameContent } from '../files/state.ts';
import type { Entry } from '../journal/journal.ts';
import type { Seam, UndoReport } from '../seam.ts';
import { isMountPoint } from '../tree/mounts.ts';
import { isClaimed } from './directory.ts';

/**
 * Puts back what was at a path before edgeadm touched it. A version that somebody else made since is kept as a copy,
 * unless the path lies in a claimed tree, where other programs were expected to write.
 */
export async function undoFile(seam: Seam, entry: Entry, at: string, report: UndoReport): Promise<void> {
  const real = seam.view.real(at);
  await fs.rm(temporaryPath(real), { force: true }).catch(() => {});
  const before = entry.before as PathState;
  const current = await pathState(real);
  if (current.kind === 'directory') {
    report.warn(`left ${at}: somebody made a directory of it`);
    return;
  }
  if (sameState(before, current)) return;
  const ours = [before, ...(entry.afters as PathState[])].some((state) => sameContent(state, current));
  if (!ours && current.kind !== 'absent' && !isClaimed(seam, at)) {
    const kept = current.kind === 'other' ? 'not kept' : await report.keepCopy(at);
    report.warn(`${at} was changed after edgeadm wrote it; the changed version is kept: ${kept}`);
  }
  if (!(await restore(seam, at, before, current))) {
    report.warn(
      `${at}: the copy of what was there is damaged or gone (${seam.backups.shown((before as { sha256: string }).sha256)}); left as it is now`,
    );
  }
}

/** Makes a path what it was. False when the copy that it needs is not whole. */
export async function restore(
  seam: Seam,
  at: string,
  before: PathState,
  current: PathState,
): Promise<boolean> {
  const real = seam.view.real(at);
  const bytes = before.kind === 'file' ? { bytes: before.size } : {};
  return refusing({ path: at, real, action: 'restore', ...bytes }, async () => {
    switch (before.kind) {
      case 'absent':
        await fs.rm(real, { force: true });
        await syncParent(real);
        return true;
      case 'symlink':
        await ensureParent(real);
        await replaceLink(real, before.target, before);
        return true;
      case 'file': {
        if (!(await seam.backups.whole(before.sha256))) return false;
        const copy = seam.backups.real(before.sha256);
        await ensureParent(real);
        if (current.kind === 'file' && (await isMountPoint(real)))
          await rewriteFile(real, await fs.readFile(copy), before);
        // Never by changing the mode of what is there: it may be a hard link to a file of the package.
        else await replaceFile(real, { copy }, before);
        return true;
      }
      default:
        return true;
    }
  });
}

function sameState(a: PathState, b: PathState): boolean {
  if (!sameContent(a, b)) return false;
  if (a.kind !== 'file' || b.kind !== 'file') return true;
  return a.mode === b.mode && a.uid === b.uid && a.gid === b.gid;
}

/** Somebody may have removed the directory of a file that was there before. */
async function ensureParent(real: string): Promise<void> {
  await fs.mkdir(path.dirname(real), { recursive: true });
}

async function syncParent(real: string): Promise<void> {
  await syncDirectory(path.dirname(real)).catch((error) => {
    if (errno(error) !== 'ENOENT' && errno(error) !== 'ENOTDIR') throw error;
  });
}
