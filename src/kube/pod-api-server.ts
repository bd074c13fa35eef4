import { parseHostPort } from '../config/hostport.ts';

/** The part of a container of a pod template that is written. */
export interface ContainerEnv {
  env?: { name: string; value?: string }[];
}

/**
 * Makes a container's in-cluster configuration lead to `endpoint` (`host:port`, default port 6443) instead of the Service
 * `kubernetes`. A user's own manifest may have set it: that stays. Source: client-go, rest.InClusterConfig.
 */
export function pointToApiServer(container: ContainerEnv, endpoint: string): void {
  const read = parseHostPort(endpoint);
  if (!('endpoint' in read)) return;
  const { host, port } = read.endpoint;
  container.env ??= [];
  if (container.env.some(({ name }) => name === 'KUBERNETES_SERVICE_HOST')) return;
  container.env.push(
    { name: 'KUBERNETES_SERVICE_HOST', value: host },
    { name: 'KUBERNETES_SERVICE_PORT', value: String(port ?? 6443) },
  );
}
