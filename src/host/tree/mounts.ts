import fs from 'node:fs/promises';
import path from 'node:path';

/** One line of /proc/self/mountinfo (proc_pid_mountinfo(5)). */
export interface Mount {
  id: number;
  point: string;
  type: string;
  source: string;
}

/** Mounts of this process's namespace, in the order they were made. */
export async function mounts(): Promise<Mount[]> {
  return parseMounts(await fs.readFile('/proc/self/mountinfo', 'utf8').catch(() => ''));
}

export function parseMounts(text: string): Mount[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [own = '', rest = ''] = line.split(' - ');
      const fields = own.split(' ');
      const [type = '', source = ''] = rest.split(' ');
      return {
        id: Number(fields[0]),
        point: unescapeOctal(fields[4] ?? ''),
        type,
        source: unescapeOctal(source),
      };
    });
}

export async function isMountPoint(real: string): Promise<boolean> {
  const parent = await fs.realpath(path.dirname(real)).catch(() => path.dirname(real));
  const canonical = path.join(parent, path.basename(real));
  return (await mounts()).some(({ point }) => point === canonical);
}

/** The kernel writes space, tab, newline and backslash as three octal digits. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
