import { KubeApiError } from '../../../kube/api-error.ts';
import type { Transport } from '../../../kube/transport.ts';
import { type AddressPolicy, isControlPlane, refuseAddresses } from './address-rules.ts';
import { readAsked } from './request-rules.ts';
import type { Asked, CertificateSigningRequest, Node, Refusal } from './types.ts';

export type Decision = { approve: true; message: string } | ({ approve: false } & Refusal);

export interface Cluster {
  transport: Pick<Transport, 'send'>;
  policy: AddressPolicy;
  signal: AbortSignal;
}

/** Holds a request against the rules and the cluster's present state. Errors: E_KUBE_API when that cannot be read. */
export async function decide(csr: CertificateSigningRequest, cluster: Cluster): Promise<Decision> {
  const asked = readAsked(csr);
  const refusal = 'reason' in asked ? asked : await refuseByCluster(asked, cluster);
  if (refusal) return { approve: false, ...refusal };
  const { nodeName, dns, ip } = asked as Asked;
  return {
    approve: true,
    message: `${[...dns, ...ip].join(', ')} ${dns.length + ip.length > 1 ? 'are' : 'is'} of node ${nodeName}`,
  };
}

async function refuseByCluster(asked: Asked, cluster: Cluster): Promise<Refusal | undefined> {
  const node = await read<Node>(cluster, nodePath(asked.nodeName));
  if (node === undefined)
    return { reason: 'NodeNotFound', message: `there is no node ${asked.nodeName}`, final: false };
  if (isControlPlane(node)) return refuseAddresses(asked, node, cluster.policy);
  const reserved = [...cluster.policy.reserved, ...(await apiServerAddresses(cluster))];
  return (
    refuseAddresses(asked, node, { ...cluster.policy, reserved }) ?? (await refuseOtherNodes(asked, cluster))
  );
}

/** A name in a node's status may be any; that of another node is that node's. */
async function refuseOtherNodes(asked: Asked, cluster: Cluster): Promise<Refusal | undefined> {
  for (const name of asked.dns) {
    if (name === asked.nodeName || cluster.policy.extraNames.includes(name)) continue;
    if (await read<Node>(cluster, nodePath(name))) {
      return { reason: 'SanReserved', message: `${name} is the name of another node`, final: false };
    }
  }
  return undefined;
}

/** Where the API servers listen (kept by kube-apiserver in default/kubernetes). */
async function apiServerAddresses(cluster: Cluster): Promise<string[]> {
  const slice = await read<{ endpoints?: { addresses?: string[] }[] }>(
    cluster,
    '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes',
  );
  return (slice?.endpoints ?? []).flatMap(({ addresses = [] }) => addresses);
}

async function read<T>({ transport, signal }: Cluster, path: string): Promise<T | undefined> {
  try {
    return JSON.parse((await transport.send('GET', path, { signal })).text) as T;
  } catch (error) {
    if (error instanceof KubeApiError && error.status === 404) return undefined;
    throw error;
  }
}

const nodePath = (name: string) => `/api/v1/nodes/${encodeURIComponent(name)}`;
