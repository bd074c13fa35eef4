import type { KubeClient, KubeObject } from '../../src/kube/types.ts';

/**
 * Waits until the kubelet of a node has renewed its Lease since a time (milliseconds since 1970). Rejects with the last
 * reason why not.
 */
export async function waitForLease(
  kube: KubeClient,
  nodeName: string,
  { since, timeoutMs, signal }: { since: number; timeoutMs: number; signal: AbortSignal },
): Promise<void> {
  const { default: pRetry } = await import('p-retry');
  const path = `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${nodeName}`;
  await pRetry(
    async () => {
      const { spec } = await kube.request<KubeObject & { spec?: { renewTime?: string } }>('GET', path);
      const renewed = Date.parse(spec?.renewTime ?? '');
      if (!(renewed >= since)) throw new Error(`it was last heard of at ${spec?.renewTime}`);
    },
    { retries: Number.POSITIVE_INFINITY, maxRetryTime: timeoutMs, minTimeout: 250, factor: 1, signal },
  );
}
