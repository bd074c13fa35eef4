import { isIPv6 } from 'node:net';
import type { ApiObject } from '../wire/object.ts';
import type { ResponseFilter } from './chain.ts';

export interface KubernetesServiceOptions {
  /** Where the proxy listens for pods. */
  address: string;
  port: number;
  /** Who sees it so; kube-proxy, so that the ClusterIP of `kubernetes` leads here. */
  users: readonly string[];
}

const serviceLabel = 'kubernetes.io/service-name';

/**
 * Points the endpoints of Service `default/kubernetes` at the proxy. The slice is found by its service label, as its
 * name is the API server's business; slices of the other address family are shown empty.
 */
export function kubernetesServiceFilter({ address, port, users }: KubernetesServiceOptions): ResponseFilter {
  const family = isIPv6(address) ? 'IPv6' : 'IPv4';
  const slice = (object: ApiObject): ApiObject => ({
    ...object,
    endpoints:
      object.addressType === family
        ? [{ addresses: [address], conditions: { ready: true, serving: true, terminating: false } }]
        : [],
    ports: [{ name: 'https', port, protocol: 'TCP' }],
  });
  const endpoints = (object: ApiObject): ApiObject => ({
    ...object,
    subsets: [{ addresses: [{ ip: address }], ports: [{ name: 'https', port, protocol: 'TCP' }] }],
  });
  return {
    name: 'kubernetes-service',
    applies: ({ caller, path }) =>
      users.includes(caller.user) &&
      ((path.resource === 'endpointslices' && path.group === 'discovery.k8s.io') ||
        (path.resource === 'endpoints' && path.group === '')),
    filter: (object, { path }) => {
      const { metadata } = object;
      if (metadata.namespace !== 'default') return object;
      if (path.resource === 'endpoints') return metadata.name === 'kubernetes' ? endpoints(object) : object;
      return metadata.labels?.[serviceLabel] === 'kubernetes' ? slice(object) : object;
    },
  };
}
