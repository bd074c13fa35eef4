import fs from 'node:fs/promises';
import path from 'node:path';
import type { Seam } from '../seam.ts';
import { toBytes } from './inventory.ts';

/** One line of /proc/self/mountinfo (proc_pid_mountinfo(5)); `point` as one character a byte. */
export interface Mount {
  point: string;
  type: string;
  source: string;
}

/** Mounts of this process's namespace, in the order they were made. */
export async function mounts(): Promise<Mount[]> {
  return parseMounts(await fs.readFile('/proc/self/mountinfo', 'latin1').catch(() => ''));
}

export function parseMounts(text: string): Mount[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [own = '', rest = ''] = line.split(' - ');
      const [type = '', source = ''] = rest.split(' ');
      return { point: unescapeOctal(own.split(' ')[4] ?? ''), type, source: unescapeOctal(source) };
    });
}

/** Mount points at and below a path, repeated when mounted over, in the order they were made. */
export async function mountsBelow(real: string): Promise<string[]> {
  const top = await canonical(real);
  return (await mounts())
    .map(({ point }) => point)
    .filter((point) => point === top || point.startsWith(`${top}/`));
}

export async function isMountPoint(real: string): Promise<boolean> {
  return (await mountsBelow(real)).includes(await canonical(real));
}

/** The path as the kernel names it in mountinfo: links above it followed, one character a byte. */
export async function canonical(real: string): Promise<string> {
  const parent = await fs.realpath(path.dirname(real)).catch(() => path.dirname(real));
  return toBytes(path.join(parent, path.basename(real)));
}

/**
 * Unmounts what is mounted at and below a path but was not before (`kept`, with repetitions), the latest first; what is
 * busy is detached (umount -l). Gives what is still mounted there.
 */
export async function unmountBelow(seam: Seam, real: string, kept: readonly string[]): Promise<string[]> {
  for (const lazy of [false, true]) {
    const extra = beyond(await mountsBelow(real), kept).reverse();
    for (let from = 0; from < extra.length; from += 100) {
      const points = extra
        .slice(from, from + 100)
        .map((point) => Buffer.from(point, 'latin1').toString('utf8'));
      const args = [...(lazy ? ['-l'] : []), '--', ...points];
      await seam.execute({ file: 'umount', args }, { allowFailure: true, level: 3 });
    }
    if (extra.length === 0) break;
  }
  return mountsBelow(real);
}

/** The mounts that are more than those before, each mount point counted. */
function beyond(now: readonly string[], before: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const point of before) left.set(point, (left.get(point) ?? 0) + 1);
  return now.filter((point) => {
    const count = left.get(point) ?? 0;
    left.set(point, count - 1);
    return count <= 0;
  });
}

/** The kernel writes space, tab, newline and backslash as three octal digits. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
