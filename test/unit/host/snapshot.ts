import { createHash } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';

export interface SnapshotOptions {
  /** Paths (from the root, with a leading slash) that are left out with all below. */
  without?: readonly string[];
}

/** Every path below a directory with type, mode, owner, and content hash or link target: two equal ones mean nothing changed. */
export async function snapshot(root: string, options: SnapshotOptions = {}): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const walk = async (at: string): Promise<void> => {
    if (options.without?.includes(at)) return;
    const real = path.join(root, at);
    const facts = await fs.lstat(real);
    const base = `${(facts.mode & 0o7777).toString(8)} ${facts.uid}:${facts.gid}`;
    if (facts.isSymbolicLink()) found[at] = `link ${await fs.readlink(real)}`;
    else if (facts.isDirectory()) {
      found[at] = `dir ${base}`;
      for (const name of (await fs.readdir(real)).sort()) await walk(path.posix.join(at, name));
    } else if (facts.isFile()) {
      const hash = createHash('sha256')
        .update(await fs.readFile(real))
        .digest('hex')
        .slice(0, 16);
      found[at] = `file ${base} ${facts.size} ${hash}`;
    } else found[at] = `other ${base} ${facts.mode >> 12}`;
  };
  await walk('/');
  return found;
}
