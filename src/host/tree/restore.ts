import { chmodSync, lchownSync, mkdirSync, symlinkSync, unlinkSync } from 'node:fs';
import fs from 'node:fs/promises';
import { errno } from '../errors.ts';
import { replaceFile } from '../files/replace.ts';
import { hashFile } from '../files/state.ts';
import type { Entry } from '../journal/journal.ts';
import { fileKey } from '../resources/file.ts';
import type { Seam, UndoReport } from '../seam.ts';
import type { TreeBefore } from './claim.ts';
import { buffer, facts, type Inventory, type Item, linkTarget, toText, typeOf, walk } from './inventory.ts';
import { canonical, mountsBelow, unmountBelow } from './mounts.ts';
import { type Failure, removeAll, throwFailures } from './remove.ts';

/** Unmounts and removes what was not there when the tree was claimed, and puts back what was. */
export async function undoTree(seam: Seam, entry: Entry, at: string, report: UndoReport): Promise<void> {
  const before = entry.before as TreeBefore;
  const real = seam.view.real(at);
  const top = await canonical(real);
  if (before.kind === 'absent') {
    const fence = await unmountBelow(seam, real, []);
    throwFailures(at, 'remove', await removeAll(top, fence));
    for (const above of before.parents.toReversed()) {
      // Others may have put something beside it meanwhile: then it stays.
      await fs.rmdir(seam.view.real(above)).catch(() => {});
    }
    return;
  }
  const inventory = await seam.backups.readJson<Inventory>(before.inventory);
  await unmountBelow(seam, real, inventory.mounts);
  const fence = await mountsBelow(real);
  const extra = await removeExtra(top, inventory, fence);
  const { lost, failures } = await putBack(seam, top, inventory, fence, report);
  if (lost.length > 0) report.warn(gone(at, lost));
  throwFailures(at, 'remove', extra);
  throwFailures(at, 'restore', failures);
}

/** Removes what the inventory does not have, or has as something of another type. */
async function removeExtra(top: string, inventory: Inventory, fence: readonly string[]): Promise<Failure[]> {
  const known = new Map(inventory.items.map((item) => [item[0], item[1]]));
  const failures: Failure[] = [];
  for (const [path, type] of await walk(top, fence)) {
    if (known.get(path) === type) continue;
    // What lies in something that goes away goes with it.
    const above = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
    if (path === '' || known.get(above) === 'd') failures.push(...(await removeAll(join(top, path), fence)));
  }
  return failures;
}

interface Outcome {
  /** Paths whose content is not among the backups. */
  lost: string[];
  failures: Failure[];
}

/** Gives everything its mode, owner and content back. */
async function putBack(
  seam: Seam,
  top: string,
  inventory: Inventory,
  fence: readonly string[],
  report: UndoReport,
): Promise<Outcome> {
  const outcome: Outcome = { lost: [], failures: [] };
  // Below a mount that was there before lies somebody else's tree.
  const fenced = new Set(fence.filter((point) => point !== top));
  for (const item of inventory.items) {
    const full = join(top, item[0]);
    if (fenced.has(full)) continue;
    try {
      if (!(await putItem(seam, full, item, inventory.content, report))) outcome.lost.push(full);
    } catch (error) {
      outcome.failures.push({ path: full, code: errno(error) ?? (error as Error).message });
    }
  }
  return outcome;
}

/** False when it is gone and cannot be made again. */
async function putItem(
  seam: Seam,
  full: string,
  item: Item,
  content: boolean,
  report: UndoReport,
): Promise<boolean> {
  const [, type, mode, uid, gid, , , extra] = item;
  const now = facts(full);
  if (now && typeOf(now) !== type) return true;
  // What edgeadm wrote itself, before the claim, has an entry of its own that is undone after this one.
  if (seam.journal.entry(fileKey(seam.view.shown(toText(full))))) return true;
  if (type === 'l') {
    if (now && linkTarget(full) === extra) return true;
    if (now) unlinkSync(buffer(full));
    symlinkSync(buffer(extra ?? ''), buffer(full));
    lchownSync(buffer(full), uid, gid);
    return true;
  }
  if (type === 'd' && !now) mkdirSync(buffer(full), { mode });
  if (type === 'f' && !(await putFile(seam, full, item, content, now !== undefined, report))) return false;
  const there = facts(full);
  // A socket goes with the program that listened on it.
  if (!there) return type === 'o';
  if (there.uid !== uid || there.gid !== gid) lchownSync(buffer(full), uid, gid);
  if ((there.mode & 0o7777) !== mode) chmodSync(buffer(full), mode);
  return true;
}

/** False when the file is gone and there is no copy of it. */
async function putFile(
  seam: Seam,
  full: string,
  [, , mode, uid, gid, , mtimeMs, sha256]: Item,
  content: boolean,
  there: boolean,
  report: UndoReport,
): Promise<boolean> {
  if (!content || sha256 === undefined) return there;
  if (there && (await hashFile(buffer(full))) === sha256) return true;
  if (!(await seam.backups.whole(sha256))) return false;
  if (there) {
    const at = seam.view.shown(toText(full));
    report.warn(`${at} was changed; the changed version is kept: ${await report.keepCopy(at)}`);
  }
  await replaceFile(toText(full), { copy: seam.backups.real(sha256) }, { mode, uid, gid, mtimeMs });
  return true;
}

function join(top: string, path: string): string {
  return path === '' ? top : `${top}/${path}`;
}

function gone(at: string, lost: string[]): string {
  const names = lost.slice(0, 3).map(toText).join(', ');
  const more = lost.length > 3 ? ` and ${lost.length - 3} more` : '';
  return `${at}: what was there before was removed by a program and no copy was kept: ${names}${more}`;
}
