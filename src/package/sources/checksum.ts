import { basename } from 'node:path';
import { EdgeadmError } from '../../errors.ts';

/**
 * SHA-256 of a file from what was published beside it: the bare sum, or lines of `sum  name` as sha256sum writes them.
 * Errors: E_PACKAGE_SOURCE when it is not in there.
 */
export function publishedSum(text: string, file: string, origin: string): string {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  for (const line of lines) {
    const [, sum, name] = /^([0-9a-fA-F]{64})(?:\s+\*?(.+))?$/.exec(line) ?? [];
    const matches = name === undefined ? lines.length === 1 : basename(name) === file;
    if (sum !== undefined && matches) return sum.toLowerCase();
  }
  throw new EdgeadmError('E_PACKAGE_SOURCE', `${origin} has no SHA-256 of ${file}`, {
    hint: 'A mirror must hold the files of checksums as upstream has them.',
  });
}
