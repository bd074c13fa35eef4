import fs from 'node:fs/promises';
import { errno, refusing } from './errors.ts';
import { paths } from './paths.ts';
import type { Seam } from './seam.ts';

/**
 * Removes the journal, its backups, the unpacked packages and the report of a drill: the state directory, when nothing else is in it. With
 * changes that are not undone it keeps them all, unless forced: without them nothing could put those changes right. Returns whether the journal is gone.
 */
export async function forget(seam: Seam, options: { force?: boolean }): Promise<boolean> {
  if (seam.dryRun) return false;
  const left = seam.journal.entries;
  if (left.length > 0 && !options.force) {
    await seam.journal.end();
    await seam.journal.close();
    seam.emit({
      type: 'warning',
      code: 'E_JOURNAL',
      message: `${left.length} changes are not undone yet, so the journal stays: ${left.map(({ key }) => key).join(', ')}`,
      hint: `Mend what stands in the way and run \`edgeadm reset\` again; or remove ${paths.state} by hand.`,
    });
    return false;
  }
  await seam.journal.close();
  // The journal goes last: a power cut before that leaves a state that reset understands.
  for (const at of [paths.drill, paths.packages, paths.backups, paths.journal]) {
    const real = seam.view.real(at);
    await refusing({ path: at, real, action: 'remove' }, () => fs.rm(real, { recursive: true, force: true }));
  }
  await fs.rmdir(seam.view.real(paths.state)).catch(async (error) => {
    if (errno(error) === 'ENOENT') return;
    const names = await fs.readdir(seam.view.real(paths.state)).catch(() => []);
    // A mount point stays.
    if (names.length === 0) return;
    seam.emit({
      type: 'warning',
      message: `left ${paths.state}: files that are not edgeadm's are in it (${names.join(', ')})`,
    });
  });
  return true;
}
