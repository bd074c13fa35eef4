import type { Host } from '../../../src/host/host.ts';

/** Every address of this host, both families, by iproute2. Errors: E_COMMAND, E_COMMAND_MISSING. */
export async function readAddresses(host: Host, signal: AbortSignal): Promise<string[]> {
  const links = await ip<{ addr_info?: { local?: string }[] }>(host, ['address', 'show'], signal);
  return links.flatMap(({ addr_info = [] }) => addr_info.flatMap(({ local }) => (local ? [local] : [])));
}

/** Whether there is a default route, of either family. Errors: E_COMMAND, E_COMMAND_MISSING. */
export async function hasDefaultRoute(host: Host, signal: AbortSignal): Promise<boolean> {
  const [four, six] = await Promise.all([
    ip(host, ['-4', 'route', 'show', 'default'], signal),
    // A kernel without IPv6 has no such routes.
    ip(host, ['-6', 'route', 'show', 'default'], signal).catch(() => []),
  ]);
  return four.length + six.length > 0;
}

async function ip<T>(host: Host, args: readonly string[], signal: AbortSignal): Promise<T[]> {
  const { stdout } = await host.query({ file: 'ip', args: ['-json', ...args], signal, timeoutMs: 15_000 });
  return stdout.trim() === '' ? [] : (JSON.parse(stdout) as T[]);
}
