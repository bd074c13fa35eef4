import { EdgeadmError } from '../errors.ts';
import { KubeApiError } from './api-error.ts';
import { deadline, duration, pause } from './deadline.ts';
import type { Transport } from './transport.ts';

/**
 * Polls /readyz until the API server says that it is ready. Errors: E_TIMEOUT with the last answer (failing health
 * checks by name), E_KUBE_API at once for what waiting cannot mend (certificates, credentials).
 */
export async function waitReady(
  transport: Transport,
  options: { timeoutMs: number; signal?: AbortSignal },
): Promise<void> {
  const until = deadline(options.timeoutMs);
  const { signal } = options;
  let last: EdgeadmError | undefined;
  for (let wait = 100; ; wait = Math.min(wait * 1.5, 1000)) {
    try {
      await transport.send('GET', '/readyz?verbose', {
        what: 'GET /readyz',
        accept: '*/*',
        retry: false,
        timeoutMs: Math.max(1, Math.min(until.remainingMs(), 5000)),
        signal,
      });
      return;
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof EdgeadmError) || !mendable(error)) throw error;
      // A last try that the deadline cut short says less than the one before it.
      if (!last || !until.expired() || error.code !== 'E_TIMEOUT') last = error;
    }
    if (until.expired()) break;
    await pause(wait, until, signal);
  }
  throw new EdgeadmError(
    'E_TIMEOUT',
    `the API server at ${transport.endpoint} was not ready within ${duration(options.timeoutMs)}: ${last?.message}`,
    {
      hint: '`journalctl -u kubelet`, `ctr -n k8s.io containers ls` and the logs of kube-apiserver and etcd below /var/log/pods say why.',
      cause: last,
    },
  );
}

function mendable(error: EdgeadmError): boolean {
  // RBAC for /readyz itself comes up a moment after the server does, hence 403.
  if (error instanceof KubeApiError)
    return error.status >= 429 || error.status === 403 || error.status === 404;
  return error.code === 'E_TIMEOUT' || !/x509/.test(error.hint ?? '');
}
