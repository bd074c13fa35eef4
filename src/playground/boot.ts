import { EdgeadmError } from '../errors.ts';
import type { Provider } from './provider.ts';

const bootTimeoutMs = 90_000;

/**
 * Waits until systemd of a node has started everything. A node with failed units (`degraded`) is an error that
 * names them, unless `allowDegraded`: a node whose API server is out of reach after a reboot is still up.
 * Errors: E_TIMEOUT, E_PLAYGROUND.
 */
export async function waitBooted(
  provider: Provider,
  node: string,
  { signal, allowDegraded = false }: { signal: AbortSignal; allowDegraded?: boolean },
): Promise<void> {
  // `--wait` follows the boot, but needs the bus, which is there only a moment after the start.
  const script =
    'until systemctl list-jobs >/dev/null 2>&1; do sleep 0.05; done; exec systemctl is-system-running --wait';
  const { stdout } = await provider.exec(node, ['sh', '-c', script], {
    allowFailure: true,
    timeoutMs: bootTimeoutMs,
    signal,
  });
  const state = stdout.trim();
  if (state === 'running' || (allowDegraded && state === 'degraded')) return;
  const failed = await provider.exec(node, ['systemctl', '--failed', '--plain', '--no-legend'], {
    allowFailure: true,
    signal,
  });
  throw new EdgeadmError('E_PLAYGROUND', `node ${node} did not boot: systemd says "${state || 'nothing'}"`, {
    host: node,
    details: failed.stdout.trim().split('\n').filter(Boolean),
    hint: `Look at it: podman exec ${node} journalctl -b -p warning`,
  });
}
