import type { Host } from '../../src/host/host.ts';

/** The kernel's name for the time since it was started; another one after a power cut. */
export async function bootId(host: Pick<Host, 'readText'>): Promise<string> {
  return ((await host.readText('/proc/sys/kernel/random/boot_id')) ?? '').trim();
}

/**
 * Waits until everything written to the file systems of these paths is on the disk: syncfs(2), once for many files.
 * Until then, what was written is remembered with the boot's name and is not trusted after another boot.
 */
export async function syncFileSystems(
  host: Pick<Host, 'query'>,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  await host.query({ file: 'sync', args: ['--file-system', ...paths], timeoutMs: 900_000, signal });
}
