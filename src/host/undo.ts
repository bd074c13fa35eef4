import fs from 'node:fs/promises';
import path from 'node:path';
import { formatBytes } from './errors.ts';
import { replaceFile } from './files/replace.ts';
import type { Entry } from './journal/journal.ts';
import { flannelNetworks, undoNetwork } from './network/undo.ts';
import { undoBlock } from './resources/block.ts';
import { undoDirectory } from './resources/directory.ts';
import { undoModule } from './resources/module.ts';
import { undoFile } from './resources/restore.ts';
import { undoSysctl } from './resources/sysctl.ts';
import { daemonReload, isUnitFile, undoUnit } from './resources/unit.ts';
import { undoWork } from './resources/work.ts';
import type { Seam, UndoReport } from './seam.ts';
import { undoTree } from './tree/restore.ts';

export interface UndoOptions {
  signal: AbortSignal;
  keep?: (key: string) => boolean;
}

/** Where versions of files go that somebody changed after edgeadm wrote them; nothing there is ever removed by edgeadm. */
const keptBase = '/var/backups/edgeadm-reset';

/**
 * Undoes what the journal lists, the latest first touch first. A step that fails is told among the warnings and stays in
 * the journal; the others go on. What systemd ran before is started again at the end, when its files are back.
 */
export async function undoAll(
  seam: Seam,
  options: UndoOptions,
): Promise<{ undone: number; warnings: string[] }> {
  const { signal, keep = () => false } = options;
  const warnings: string[] = [];
  const last: { entry: Entry; work: () => Promise<void> }[] = [];
  const entries = seam.journal.entries.filter(({ key }) => !keep(key)).reverse();
  const keepCopy = copies(seam);
  const podSubnets = await flannelNetworks(seam);
  let undone = 0;

  const attempt = async (entry: Entry, work: () => Promise<void>): Promise<boolean> => {
    try {
      await work();
      return true;
    } catch (error) {
      if (signal.aborted) throw error;
      const { message, hint } = error as Error & { hint?: string };
      warnings.push(`${entry.key} could not be undone: ${message}${hint === undefined ? '' : ` (${hint})`}`);
      return false;
    }
  };
  const finished = async (entry: Entry): Promise<void> => {
    await seam.journal.undone(entry.key);
    undone++;
    tell(seam, entry);
  };

  for (const entry of entries) {
    signal.throwIfAborted();
    if (seam.dryRun) {
      tell(seam, entry);
      undone++;
      continue;
    }
    let late = false;
    const report: UndoReport = {
      warn: (message) => warnings.push(message),
      atEnd: (work) => {
        late = true;
        last.push({ entry, work });
      },
      keepCopy,
    };
    if ((await attempt(entry, () => undoEntry(seam, entry, podSubnets, report))) && !late)
      await finished(entry);
  }
  if (seam.dryRun) return { undone, warnings };

  if (seam.unitsChanged || last.length > 0 || seam.journal.everTouched('unit:')) {
    await daemonReload(seam).catch((error: Error) => {
      if (last.length > 0) warnings.push(`systemd did not read its units again: ${error.message}`);
    });
  }
  for (const { entry, work } of last) {
    signal.throwIfAborted();
    if (await attempt(entry, work)) await finished(entry);
  }
  return { undone, warnings };
}

function tell(seam: Seam, entry: Entry): void {
  seam.emit({
    type: 'change',
    host: seam.name,
    action: 'undo',
    target: entry.key,
    summary: summary(entry),
    planned: seam.dryRun,
  });
}

async function undoEntry(
  seam: Seam,
  entry: Entry,
  podSubnets: readonly string[],
  report: UndoReport,
): Promise<void> {
  const name = entry.key.slice(entry.key.indexOf(':') + 1);
  switch (entry.kind) {
    case 'file':
      if (isUnitFile(name)) seam.unitsChanged = true;
      return undoFile(seam, entry, name, report);
    case 'block':
      return undoBlock(seam, entry);
    case 'directory':
      return undoDirectory(seam, entry, name, report);
    case 'unit':
      return undoUnit(seam, entry, name, report);
    case 'sysctl':
      return undoSysctl(seam, entry, name);
    case 'module':
      return undoModule(seam, entry, name);
    case 'tree':
      return undoTree(seam, entry, name, report);
    case 'network':
      return undoNetwork(seam, entry, podSubnets, report);
    case 'work':
      return undoWork(seam, entry, report);
  }
}

function summary(entry: Entry): string {
  const before = entry.before as { kind?: string; size?: number } | null;
  switch (entry.kind) {
    case 'file':
      if (before?.kind === 'absent') return 'remove what was not there before';
      return `put the ${before?.kind} back${before?.size === undefined ? '' : ` (${formatBytes(before.size)})`}`;
    case 'block':
      return 'take the block of lines out';
    case 'directory':
      return before?.kind === 'absent' ? 'remove when empty' : 'put the mode back';
    case 'unit':
      return 'as it was: enabled or not, running or not';
    case 'sysctl':
      return 'put the value back';
    case 'module':
      return 'unload when nothing uses it';
    case 'tree':
      return 'remove what was not there, put the rest back';
    case 'network':
      return "remove Kubernetes' and the CNI's links, rules and chains that were not there";
    case 'work':
      return (entry.after as { undo?: { file: string } }).undo ? 'run its undo' : 'forget that it was done';
  }
}

/** Copies go to one directory per reset, made with the first of them. */
function copies(seam: Seam): (at: string) => Promise<string> {
  const stamp = new Date().toISOString().replace(/[:.]/g, '-');
  return async (at) => {
    const kept = `${keptBase}-${stamp}${at}`;
    const real = seam.view.real(kept);
    await fs.mkdir(path.dirname(real), { recursive: true, mode: 0o700 });
    const facts = await fs.lstat(seam.view.real(at));
    if (facts.isSymbolicLink()) await fs.symlink(await fs.readlink(seam.view.real(at)), real);
    else {
      const { uid, gid, mtimeMs } = facts;
      await replaceFile(real, { copy: seam.view.real(at) }, { mode: facts.mode & 0o7777, uid, gid, mtimeMs });
    }
    return kept;
  };
}
