import { compareVersions, isVersion } from '../wire/object.ts';
import { readAnswer } from './body.ts';
import type { ProxyContext } from './context.ts';

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

/** The API server's current version, from the smallest list that the node may read. Rejects when it does not come. */
export async function upstreamVersion({ transport, config }: ProxyContext): Promise<string> {
  const query = new URLSearchParams({ fieldSelector: `metadata.name=${config.nodeName}`, limit: '1' });
  const answer = await transport.send({
    method: 'GET',
    path: `/api/v1/nodes?${query}`,
    headers: { accept: 'application/json' },
    asNode: true,
    signal: AbortSignal.timeout(10_000),
  });
  const body = await readAnswer(answer, 4 << 20);
  const list = JSON.parse(body.toString()) as { metadata?: { resourceVersion?: string } };
  return answer.statusCode === 200 ? (list.metadata?.resourceVersion ?? '') : '';
}
