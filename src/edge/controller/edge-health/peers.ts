import { formatPeers, peersKey, peersNamespace } from '../../health/protocol.ts';
import type { DutyContext } from '../duty.ts';
import type { Fleet } from './fleet.ts';

/** A core/v1 ConfigMap, as far as it is read. */
export interface PeersMap {
  data?: Record<string, string>;
}

/** What the ConfigMap of a node shall hold. */
export function peersText(fleet: Fleet, name: string): string {
  return formatPeers(fleet.peersOf(name));
}

/**
 * Writes the peers of a node, by server-side apply. The ConfigMap belongs to the Node and goes with it.
 * Errors: E_KUBE_API.
 */
export async function writePeers(
  { transport, signal }: Pick<DutyContext, 'transport' | 'signal'>,
  fleet: Fleet,
  name: string,
): Promise<void> {
  const uid = fleet.get(name)?.uid;
  if (uid === undefined) return;
  const path = `/api/v1/namespaces/${peersNamespace}/configmaps/${encodeURIComponent(name)}`;
  await transport.send('PATCH', `${path}?fieldManager=edgeadm-controller&force=true`, {
    what: `tell ${name} its peers`,
    contentType: 'application/apply-patch+yaml',
    body: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name,
        namespace: peersNamespace,
        ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name, uid }],
      },
      data: { [peersKey]: peersText(fleet, name) },
    },
    signal,
  });
}
