import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EdgeadmError } from '../errors.ts';
import type { Connection } from './kubeconfig.ts';

const accountDirectory = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * The connection of a pod with its ServiceAccount, as client-go's rest.InClusterConfig makes it
 * (https://kubernetes.io/docs/tasks/run-application/access-api-from-pod). The token is read anew for each request, as
 * the kubelet replaces it before it expires. Errors: E_KUBE_API when this is no pod or it has no token.
 */
export async function readInCluster(
  options: { directory?: string; env?: Readonly<Record<string, string | undefined>> } = {},
): Promise<Connection> {
  const { directory = accountDirectory, env = process.env } = options;
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env;
  if (!host || !port) {
    throw new EdgeadmError(
      'E_KUBE_API',
      'this is no pod of a cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set',
      {
        hint: 'Name a kubeconfig with --kubeconfig.',
      },
    );
  }
  const read = async (name: string) => {
    const path = join(directory, name);
    try {
      return await readFile(path, 'utf8');
    } catch (cause) {
      throw new EdgeadmError(
        'E_KUBE_API',
        `${path} cannot be read: ${(cause as NodeJS.ErrnoException).code}`,
        {
          hint: 'Does the pod have a ServiceAccount, and automountServiceAccountToken not false?',
          cause,
        },
      );
    }
  };
  const ca = await read('ca.crt');
  const headers = async () => ({ authorization: `Bearer ${(await read('token')).trim()}` });
  await headers();
  return {
    server: new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}`),
    tls: { ca },
    headers,
    proxyUrl: undefined,
    source: directory,
  };
}
