import { EdgeadmError } from '../errors.ts';

const REASONS: Record<string, string> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
};

/** Turns what the system refuses into E_HOST_WRITE, which names the path; other failures pass as they are. */
export async function writing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw refusedWrite(error, path) ?? error;
  }
}

/** The error for what the system refused to write, or undefined when `error` is something else. */
export function refusedWrite(error: unknown, path: string): EdgeadmError | undefined {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (error instanceof EdgeadmError || code === undefined || syscall === undefined) return undefined;
  return new EdgeadmError('E_HOST_WRITE', `cannot write ${path}: ${REASONS[code] ?? code}`, {
    hint: 'Make room or make it writable, then run the same command again.',
    cause: error,
  });
}
