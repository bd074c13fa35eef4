import fs from 'node:fs/promises';
import { EdgeadmError } from '../../errors.ts';
import { errno, refusing } from '../errors.ts';
import type { Entry } from '../journal/journal.ts';
import { change, type Seam, unchanged } from '../seam.ts';

type Before = { value: string } | { absent: true };

/** Path below /proc/sys. As sysctl(8): when the first separator is a dot, dots separate and slashes stand for dots. */
export function sysctlPath(key: string): string {
  const first = key.match(/[./]/)?.[0];
  const parts = first === '/' ? key : key.replace(/[./]/g, (sign) => (sign === '.' ? '/' : '.'));
  if (!/^[\w./:@-]+$/.test(parts) || parts.split('/').includes('..')) {
    throw new EdgeadmError('E_CONFIG_INVALID', `${JSON.stringify(key)} is not the name of a sysctl`, {
      hint: 'Names look like net.ipv4.ip_forward.',
    });
  }
  return `/proc/sys/${parts}`;
}

/** Sets a kernel parameter now; making it last over a reboot is a file that the caller writes. */
export async function setSysctl(seam: Seam, key: string, value: string): Promise<boolean> {
  const current = await read(seam, key);
  if (current === undefined && !seam.dryRun) {
    throw new EdgeadmError(
      'E_HOST_WRITE',
      `cannot set the sysctl ${key}: this kernel has none of that name`,
      {
        hint: `Is the module or kernel feature missing that brings it? (${sysctlPath(key)}; net.bridge.*: modprobe br_netfilter)`,
      },
    );
  }
  if (current !== undefined && normal(current) === normal(value)) return unchanged(seam, `sysctl:${key}`);
  return change(
    seam,
    {
      kind: 'sysctl',
      key: `sysctl:${key}`,
      before: async (): Promise<Before> => ({ value: current ?? '' }),
      after: { value },
      action: 'sysctl',
      target: key,
      summary: `${current ?? '(not there yet)'} to ${value}`,
    },
    () => write(seam, key, value),
  );
}

/** Records values that programs will change by themselves. */
export async function claimSysctls(seam: Seam, keys: readonly string[]): Promise<boolean> {
  if (seam.dryRun) return false;
  let claimed = false;
  for (const key of keys) {
    if (seam.journal.entry(`sysctl:${key}`)) continue;
    const value = await read(seam, key);
    const before: Before = value === undefined ? { absent: true } : { value };
    await seam.journal.intend({ kind: 'sysctl', key: `sysctl:${key}`, before, after: { claimed: true } });
    await seam.journal.done(`sysctl:${key}`);
    claimed = true;
  }
  return claimed;
}

export async function undoSysctl(seam: Seam, entry: Entry, key: string): Promise<void> {
  const before = entry.before as Before;
  if ('absent' in before) return;
  const current = await read(seam, key);
  // A parameter that is gone went with its module.
  if (current === undefined || normal(current) === normal(before.value)) return;
  await write(seam, key, before.value);
}

async function read(seam: Seam, key: string): Promise<string | undefined> {
  try {
    return (await fs.readFile(seam.view.real(sysctlPath(key)), 'utf8')).trim();
  } catch (error) {
    if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR') return undefined;
    // Write-only parameters (flush triggers) have no value to come back to.
    if (errno(error) === 'EACCES' || errno(error) === 'EIO') return undefined;
    throw error;
  }
}

async function write(seam: Seam, key: string, value: string): Promise<void> {
  const at = sysctlPath(key);
  try {
    await fs.writeFile(seam.view.real(at), `${value}\n`, { flag: 'r+' });
  } catch (error) {
    if (errno(error) === 'EINVAL') {
      throw new EdgeadmError(
        'E_HOST_WRITE',
        `cannot set the sysctl ${key} to ${value}: the kernel does not take this value`,
        {
          hint: `See what it is now: sysctl ${key}`,
          cause: error,
        },
      );
    }
    if (errno(error) === 'EROFS') {
      throw new EdgeadmError('E_HOST_WRITE', `cannot set the sysctl ${key}: /proc/sys is read-only here`, {
        hint: `In a container, set ${key}=${value} on its host or run it privileged. Then run the same command again.`,
        cause: error,
      });
    }
    await refusing({ path: at, action: 'write' }, () => Promise.reject(error));
  }
}

function normal(value: string): string {
  return value.trim().replace(/\s+/g, ' ');
}
