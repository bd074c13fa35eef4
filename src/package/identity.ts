import { lstat } from 'node:fs/promises';

/**
 * What tells a plain file from any other and from itself before it was written to: inode, bytes, and nanoseconds of its
 * last write. Undefined when there is none.
 */
export async function fileIdentity(path: string): Promise<string | undefined> {
  const facts = await lstat(path, { bigint: true }).catch(() => undefined);
  return facts?.isFile() ? `${facts.ino} ${facts.size} ${facts.mtimeNs}` : undefined;
}
