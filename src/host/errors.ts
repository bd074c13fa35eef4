import fs from 'node:fs/promises';
import path from 'node:path';
import { EdgeadmError } from '../errors.ts';

/** The errno name of a failed system call, or undefined for anything else. */
export function errno(error: unknown): string | undefined {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** `123 B`, `4.5 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

interface Refused {
  /** Path as the user knows it. */
  path: string;
  /** Path that the system call was made with, when it differs. */
  real?: string;
  /** What was tried: `write`, `remove`. */
  action: string;
  /** Bytes that the change needs. */
  bytes?: number;
}

/** A failed system call as E_HOST_WRITE with the path, the errno and what to do. */
async function writeError(error: unknown, code: string, refused: Refused): Promise<EdgeadmError> {
  const { message, hint } = await explain(code, refused);
  const reason = message ?? (error instanceof Error ? error.message : String(error));
  return new EdgeadmError('E_HOST_WRITE', `cannot ${refused.action} ${refused.path}: ${reason}`, {
    hint,
    cause: error,
  });
}

/** Runs a change of a path; what the system refuses becomes E_HOST_WRITE, all else passes unchanged. */
export async function refusing<T>(refused: Refused, change: () => Promise<T>): Promise<T> {
  try {
    return await change();
  } catch (error) {
    const code = errno(error);
    throw error instanceof EdgeadmError || code === undefined
      ? error
      : await writeError(error, code, refused);
  }
}

async function explain(code: string, refused: Refused): Promise<{ message?: string; hint: string }> {
  const again = 'Then run the same command again.';
  const folder = path.dirname(refused.path);
  switch (code) {
    case 'ENOSPC': {
      const need = refused.bytes === undefined ? '' : `, ${formatBytes(refused.bytes)} needed`;
      return {
        message: `ENOSPC: the disk is full${need}${await freeSpace(refused.real ?? refused.path)}`,
        hint: `Free ${refused.bytes === undefined ? 'space' : `at least ${formatBytes(refused.bytes)}`} or inodes on the file system of ${folder} (see: df -h ${folder}; df -i ${folder}). ${again}`,
      };
    }
    case 'EDQUOT':
      return {
        message: `EDQUOT: the disk quota is used up${refused.bytes === undefined ? '' : `, ${formatBytes(refused.bytes)} needed`}`,
        hint: `Raise the quota or free space below ${folder} (see: quota -s). ${again}`,
      };
    case 'EROFS':
      return {
        message: 'EROFS: the file system is read-only',
        hint: `Make it writable (see: findmnt -T ${folder}; mount -o remount,rw MOUNTPOINT); a disk that turned read-only by itself has errors (see: dmesg). ${again}`,
      };
    case 'EACCES':
    case 'EPERM':
      return process.getuid?.() === 0
        ? {
            message: `${code}: not permitted, even for root`,
            hint: `Look for an immutable attribute (lsattr -d ${refused.path} ${folder}; chattr -i PATH) or a security module (dmesg). ${again}`,
          }
        : { message: `${code}: not permitted`, hint: 'Run edgeadm as root.' };
    case 'ENOTDIR':
    case 'EISDIR':
    case 'EEXIST':
      return {
        hint: `Something of another type is in the way: look at ${refused.path} and move it away. ${again}`,
      };
    case 'EIO':
      return { message: 'EIO: the disk reports an error', hint: 'Check the disk (see: dmesg).' };
    default:
      return { hint: `Look at ${folder}. ${again}` };
  }
}

async function freeSpace(real: string): Promise<string> {
  for (let at = path.dirname(real); ; at = path.dirname(at)) {
    const facts = await fs.statfs(at).catch(() => undefined);
    if (facts) return `, ${formatBytes(facts.bavail * facts.bsize)} free`;
    if (at === '/') return '';
  }
}
