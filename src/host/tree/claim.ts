import fs from 'node:fs/promises';
import path from 'node:path';
import { EdgeadmError } from '../../errors.ts';
import { refusing } from '../errors.ts';
import { hashFile, lstat } from '../files/state.ts';
import { change, type Seam, unchanged } from '../seam.ts';
import { buffer, type Inventory, type Item, toText, walk } from './inventory.ts';
import { canonical, mountsBelow } from './mounts.ts';
import { removeAll, throwFailures } from './remove.ts';

export type TreeBefore =
  /** Nothing was there; directories above that were missing too, the outermost first. */
  | { kind: 'absent'; parents: string[] }
  /** The inventory is among the backups, under its SHA-256. */
  | { kind: 'tree'; inventory: string; items: number };

/** Records what is at and below a path before programs write there; see Host.claimTree. */
export async function claimTree(seam: Seam, at: string, options: { content?: boolean }): Promise<boolean> {
  if (seam.dryRun) return false;
  // Programs write where a link leads to: /var/lib/containerd may lie on another disk.
  const top = await seam.view.follow(at);
  const key = `tree:${top}`;
  if (seam.journal.entry(key)) return unchanged(seam, key);
  await refuseTop(seam, top);
  const before = await inventory(seam, top, options.content === true);
  await seam.journal.intend({ kind: 'tree', key, before, after: { claimed: true } });
  await seam.journal.done(key);
  const what = before.kind === 'absent' ? 'nothing there yet' : `${before.items} files and directories`;
  seam.emit({ type: 'log', level: 3, message: `recorded ${top}: ${what}`, source: 'journal' });
  return true;
}

/** Removes a directory with all that is in it, keeping a copy for undo. */
export async function removeTree(seam: Seam, at: string): Promise<boolean> {
  await refuseTop(seam, at);
  const real = seam.view.real(at);
  const mounted = seam.dryRun ? [] : await mountsBelow(real);
  if (mounted.length > 0) {
    throw new EdgeadmError(
      'E_HOST_WRITE',
      `cannot remove ${at}: something is mounted there (${mounted.map(toText).join(', ')})`,
      {
        hint: 'Unmount it first (umount), then run the same command again.',
      },
    );
  }
  return change(
    seam,
    {
      kind: 'tree',
      // Not the key of a claim, which may have been made without content.
      key: `remove:${at}`,
      before: () => inventory(seam, at, true),
      after: { removed: true },
      action: 'remove',
      target: at,
      summary: 'directory with all that is in it',
    },
    async () => throwFailures(at, 'remove', await removeAll(await canonical(real), [])),
    () => seam.view.plan(at, { kind: 'absent' }),
  );
}

async function inventory(seam: Seam, at: string, content: boolean): Promise<TreeBefore> {
  const real = seam.view.real(at);
  if (!(await lstat(real))) return { kind: 'absent', parents: await missingAbove(seam, at) };
  const top = await canonical(real);
  const mounts = await mountsBelow(real);
  const items = await refusing({ path: at, real, action: 'read' }, () => walk(top, mounts));
  if (content) for (const item of items) if (item[1] === 'f') await keep(seam, top, item);
  const record: Inventory = { content, mounts, items };
  return { kind: 'tree', inventory: await seam.backups.keepJson(record), items: items.length };
}

/** Hash and copy of a file; one that is gone meanwhile is left out. */
async function keep(seam: Seam, top: string, item: Item): Promise<void> {
  const full = buffer(item[0] === '' ? top : `${top}/${item[0]}`);
  const sha256 = await hashFile(full);
  await seam.backups.keepFile(full, sha256, (await fs.stat(full)).size);
  item[7] = sha256;
}

async function missingAbove(seam: Seam, at: string): Promise<string[]> {
  const missing: string[] = [];
  for (let above = path.dirname(at); above !== '/'; above = path.dirname(above)) {
    if (await lstat(seam.view.real(above))) break;
    missing.unshift(above);
  }
  return missing;
}

/** A claim on /etc or /var would undo everybody's changes. */
async function refuseTop(seam: Seam, at: string): Promise<void> {
  const depth = at.split('/').filter(Boolean).length;
  if (path.normalize(at) !== at || depth === 0 || (depth === 1 && (await lstat(seam.view.real(at))))) {
    throw new EdgeadmError('E_INTERNAL', `the tree ${at} is too much to claim or remove`);
  }
}
