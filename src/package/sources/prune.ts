import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

const DAYS = 30;
const DAY_MS = 24 * 60 * 60 * 1000;

/** Removes what no build has used for a month, and what an interrupted one left, from the cache. */
export async function pruneCache(directory: string, now = Date.now()): Promise<void> {
  for (const folder of ['components', 'frames', 'digests', 'downloads', 'builds']) {
    const names = await readdir(join(directory, folder)).catch(() => []);
    for (const name of names) {
      const path = join(directory, folder, name);
      const used = await stat(path).catch(() => undefined);
      // An unfinished piece of work may belong to a build that runs at this moment.
      const limit = /\.partial-/.test(name) ? 1 : DAYS;
      if (used && now - used.mtimeMs > limit * DAY_MS) await rm(path, { recursive: true, force: true });
    }
  }
}
