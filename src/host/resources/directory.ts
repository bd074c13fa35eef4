import fs from 'node:fs/promises';
import path from 'node:path';
import { EdgeadmError } from '../../errors.ts';
import { errno, refusing } from '../errors.ts';
import { syncDirectory } from '../files/replace.ts';
import { lstat } from '../files/state.ts';
import type { Entry } from '../journal/journal.ts';
import { paths } from '../paths.ts';
import { change, type Seam, type UndoReport, unchanged } from '../seam.ts';

type Before = { kind: 'absent' } | { kind: 'directory'; mode: number };

/** Makes a directory and what is missing above it; with `mode`, also gives an existing one that mode. */
export async function makeDirectory(seam: Seam, at: string, mode?: number): Promise<boolean> {
  const { view } = seam;
  const key = `dir:${at}`;
  const real = view.real(at);
  const wanted = mode ?? 0o755;
  if (await view.isDirectory(at)) {
    const facts = await view.facts(await view.follow(at));
    if (mode === undefined || facts?.mode === mode) return unchanged(seam, key);
    return change(
      seam,
      {
        kind: 'directory',
        key,
        before: async (): Promise<Before> => ({ kind: 'directory', mode: facts?.mode ?? 0o755 }),
        after: { mode },
        action: 'chmod',
        target: at,
        summary: `mode ${octal(facts?.mode ?? 0)} to ${octal(mode)}`,
      },
      () => refusing({ path: at, real, action: 'change the mode of' }, () => fs.chmod(real, mode)),
      () => view.plan(at, { kind: 'directory', mode }),
    );
  }
  if (await view.facts(at)) {
    throw new EdgeadmError('E_HOST_WRITE', `cannot make the directory ${at}: something else is there`, {
      hint: `Look at it (ls -ld ${at}) and move it away. Then run the same command again.`,
    });
  }
  if (path.dirname(at) !== at) await makeDirectory(seam, path.dirname(at));
  // The journal's own directory is made with it and removed with it.
  if (at === paths.state && !seam.dryRun) {
    await refusing({ path: at, real, action: 'make the directory' }, () => fs.mkdir(real, { mode: 0o700 }));
    return true;
  }
  return change(
    seam,
    {
      kind: 'directory',
      key,
      before: async (): Promise<Before> => ({ kind: 'absent' }),
      after: { mode: wanted },
      action: 'mkdir',
      target: at,
      summary: `new directory, mode ${octal(wanted)}`,
    },
    () =>
      refusing({ path: at, real, action: 'make the directory' }, async () => {
        await fs.mkdir(real).catch((error) => {
          if (errno(error) !== 'EEXIST') throw error;
        });
        await fs.chmod(real, wanted);
        await syncDirectory(path.dirname(real));
      }),
    () => view.plan(at, { kind: 'directory', mode: wanted }),
  );
}

/** Removes a directory that edgeadm made when it is empty, or gives one its mode back. */
export async function undoDirectory(seam: Seam, entry: Entry, at: string, report: UndoReport): Promise<void> {
  const before = entry.before as Before;
  const real = seam.view.real(at);
  const facts = await lstat(real);
  if (!facts?.isDirectory()) return;
  if (before.kind === 'directory') {
    const ours = (entry.afters as { mode: number }[]).some(({ mode }) => mode === (facts.mode & 0o7777));
    if (ours)
      await refusing({ path: at, real, action: 'change the mode of' }, () => fs.chmod(real, before.mode));
    return;
  }
  try {
    await fs.rmdir(real);
  } catch (error) {
    if (errno(error) !== 'ENOTEMPTY' && errno(error) !== 'EEXIST') throw error;
    if (isClaimed(seam, at)) return;
    const names = await fs.readdir(real);
    report.warn(`left ${at}: edgeadm made it, but others keep files in it (${some(names)})`);
  }
}

/** True when a claimed tree holds the path: its own undo clears up there. */
export function isClaimed(seam: Seam, at: string): boolean {
  return seam.journal.entries.some(({ key }) => {
    if (!key.startsWith('tree:')) return false;
    const top = key.slice('tree:'.length);
    return at === top || at.startsWith(`${top}/`);
  });
}

export function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

function some(names: string[]): string {
  const first = names.sort().slice(0, 5).join(', ');
  return names.length > 5 ? `${first} and ${names.length - 5} more` : first;
}
