import type { EdgeConfiguration } from './types.ts';

/** SuperEdge's label for edge nodes; DaemonSets of edge nodes select it, the standard ones avoid it. */
const edgeNodeLabel = { 'superedge.io/node-edge': 'enable' } as const;

/** Port of the node-local API proxy, on the edge virtual address and 127.0.0.1. */
export const localApiPort = 51003;

/** Where the kubelet finds the proxy: 127.0.0.1 is there before any link, and whatever becomes of the network. */
export const localApiServer = `https://127.0.0.1:${localApiPort}`;

/**
 * Whether edge nodes have an API proxy of their own, which the edge variants of flannel, kube-proxy and CoreDNS need.
 * Without it edge nodes run what all others run.
 */
export function hasLocalApi(edge: EdgeConfiguration): boolean {
  return edge.enabled && edge.addons['lite-apiserver']?.enabled !== false;
}

/** Names that clients on an edge node call the API server by, which the proxy answers for. */
export function localApiNames(dnsDomain: string): string[] {
  const service = 'kubernetes.default.svc';
  return ['kubernetes', 'kubernetes.default', service, `${service}.${dnsDomain}`];
}

/** Addresses that the proxy of every edge node listens on; `clusterIp` is that of the Service `kubernetes`. */
export function localApiAddresses(virtualAddress: string, clusterIp: string): string[] {
  return [virtualAddress, '127.0.0.1', clusterIp];
}

/** Labels that an edge node has from its first moment. A label's value has at most 63 characters, a node's name 253. */
export function edgeNodeLabels(nodeName: string): Record<string, string> {
  return { ...edgeNodeLabel, ...(nodeName.length <= 63 && { 'superedge.io.hostname': nodeName }) };
}
