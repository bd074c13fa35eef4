import type { EdgeConfiguration } from '../../src/config/types.ts';

/**
 * Whether edge nodes have an API proxy of their own, which the edge variants of flannel, kube-proxy and CoreDNS need.
 * Without it edge nodes run what all others run.
 */
export function hasLocalApi(edge: EdgeConfiguration): boolean {
  return edge.enabled && edge.addons['lite-apiserver']?.enabled !== false;
}

/** Why an addon that needs the proxy is not installed, if so. */
export function withoutLocalApi(edge: EdgeConfiguration): string | undefined {
  return hasLocalApi(edge) ? undefined : 'edge nodes have no lite-apiserver: addons.lite-apiserver is false';
}
