import fs from 'node:fs/promises';
import { rewriteFile } from './files/replace.ts';
import { hashBytes, type PathState, pathState } from './files/state.ts';
import type { BlockAfter } from './resources/block.ts';
import type { FileAfter } from './resources/file.ts';
import type { Seam } from './seam.ts';

/**
 * A file that is a mount point (/etc/hosts in a container) cannot be replaced in one step; it is rewritten in place.
 * When a run was killed half-way, the file holds a part of it: finish the write from the copy among the backups.
 */
export async function finishRewrites(seam: Seam): Promise<void> {
  for (const entry of seam.journal.entries) {
    if (entry.done || (entry.kind !== 'file' && entry.kind !== 'block')) continue;
    const after = entry.after as FileAfter | BlockAfter;
    if (!('inPlace' in after) || after.inPlace !== true) continue;
    const at = 'path' in after ? after.path : entry.key.slice('file:'.length);
    const current = await pathState(seam.view.real(at));
    if (current.kind !== 'file' || !(await isPart(current, seam.backups.real(after.sha256)))) continue;
    const bytes = await fs.readFile(seam.backups.real(after.sha256));
    await rewriteFile(seam.view.real(at), bytes, { mode: 'mode' in after ? after.mode : current.mode });
    await seam.journal.done(entry.key);
  }

  /** True for a proper beginning of the wanted content, the empty one included. */
  async function isPart(current: PathState & { kind: 'file' }, copy: string): Promise<boolean> {
    const wanted = await fs.readFile(copy).catch(() => undefined);
    if (!wanted || current.size >= wanted.length) return false;
    return hashBytes(wanted.subarray(0, current.size)) === current.sha256;
  }
}
