import { readWhole } from '../http1/incoming.ts';
import { compareVersions, isVersion } from '../wire/object.ts';
import type { ProxyContext, ServerState } from './context.ts';

/** Groups that kube-apiserver itself has; others may be of API servers that count for themselves. */
const ownGroups =
  /^([a-z]*|(admissionregistration|apiextensions|certificates|coordination|discovery|networking|node|rbac\.authorization|resource|scheduling|storage)\.k8s\.io)$/;

/** The newest resourceVersion of the API server's own groups; empty when there is none. */
export function newestKnown({ store }: ProxyContext): string {
  let newest = '';
  for (const { key, version } of store.collections) {
    if (!ownGroups.test(key.group)) continue;
    if (isVersion(version) && compareVersions(version, newest) > 0) newest = version;
  }
  return newest;
}

/** Rejects when it does not come. */
export async function serverState(context: ProxyContext): Promise<ServerState> {
  const { nodeName } = context.config;
  // The smallest list that the node may read.
  const query = new URLSearchParams({ fieldSelector: `metadata.name=${nodeName}`, limit: '1' });
  const [nodes, lease] = await Promise.all([
    ask<{ metadata?: { resourceVersion?: string } }>(context, `/api/v1/nodes?${query}`),
    ask<{ metadata: { resourceVersion: string }; spec?: { renewTime?: string } }>(
      context,
      leasePath(nodeName),
    ),
  ]);
  const version = nodes?.metadata?.resourceVersion ?? '';
  const renewed = Date.parse(lease?.spec?.renewTime ?? '');
  return lease && renewed
    ? { version, lease: { version: lease.metadata.resourceVersion, renewed } }
    : { version };
}

/** Where the kubelet says every ten seconds that it lives. */
export const leasePath = (nodeName: string): string =>
  `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${nodeName}`;

/** Undefined: there is no such thing. */
async function ask<T>({ transport }: ProxyContext, path: string): Promise<T | undefined> {
  const answer = await transport.send({
    ...{ method: 'GET', path, headers: ['accept', 'application/json'], asNode: true },
    signal: AbortSignal.timeout(10_000),
  });
  const body = await readWhole(answer, 4 << 20);
  if (answer.status === 404) return undefined;
  if (answer.status !== 200) throw new Error(`${path}: status ${answer.status}`);
  return JSON.parse(body.toString()) as T;
}
