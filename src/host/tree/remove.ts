import { rmdirSync, unlinkSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { EdgeadmError } from '../../errors.ts';
import { errno } from '../errors.ts';
import { buffer, entries, facts, gone, toText } from './inventory.ts';

export interface Failure {
  /** One character a byte. */
  path: string;
  code: string;
}

/**
 * Removes what is at and below a path. Never follows a link and never enters one of the mount points in `fence`; what
 * cannot be removed (immutable, a mount) stays, with the directories above it, and all else goes.
 */
export async function removeAll(top: string, fence: readonly string[]): Promise<Failure[]> {
  const failures: Failure[] = [];
  const fenced = new Set(fence);
  let sinceTurn = 0;

  const attempt = (path: string, call: () => void): boolean => {
    try {
      call();
      return true;
    } catch (error) {
      if (gone(error)) return true;
      failures.push({ path, code: errno(error) ?? String(error) });
      return false;
    }
  };
  /** True when nothing of it is left. */
  const remove = async (path: string, directory: boolean): Promise<boolean> => {
    if (fenced.has(path)) {
      failures.push({ path, code: 'EBUSY' });
      return false;
    }
    if (++sinceTurn === 2000) {
      sinceTurn = 0;
      await nextTurn();
    }
    if (!directory) return attempt(path, () => unlinkSync(buffer(path)));
    let empty = true;
    for (const entry of entries(path)) {
      empty = (await remove(`${path}/${entry.name.toString('latin1')}`, entry.isDirectory())) && empty;
    }
    return empty && attempt(path, () => rmdirSync(buffer(path)));
  };

  const stats = facts(top);
  if (stats) await remove(top, stats.isDirectory());
  return failures;
}

/** E_HOST_WRITE that names the first few paths and what to do. */
export function throwFailures(at: string, action: string, failures: readonly Failure[]): void {
  const [first] = failures;
  if (!first) return;
  const paths = failures.map(({ path, code }) => `${toText(path)} (${code})`);
  const busy = failures.some(({ code }) => code === 'EBUSY');
  throw new EdgeadmError(
    'E_HOST_WRITE',
    `cannot ${action} all of ${at}: ${paths.slice(0, 3).join(', ')}${paths.length > 3 ? ` and ${paths.length - 3} more` : ''}`,
    {
      hint: busy
        ? 'A program still uses it or it is a mount point (see: fuser -vm PATH; findmnt PATH). Stop the program, then run the same command again.'
        : `Look for an immutable attribute (lsattr -d ${toText(first.path)}; chattr -i PATH) or a read-only mount. Then run the same command again.`,
      details: paths,
    },
  );
}
