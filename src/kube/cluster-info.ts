import { DiscoveryError } from './discovery-error.ts';
import type { HttpsAnswer } from './https.ts';

/** kubeadm's public description of a cluster (cluster-bootstrap/token/api): a kubeconfig, and its signatures by token id. */
export interface ClusterInfo {
  kubeconfig: string;
  signatures: Map<string, string>;
}

/** Reads the answer to a GET of kube-public/cluster-info. Errors: DiscoveryError. */
export function clusterInfoOf(answer: HttpsAnswer, endpoint: string): ClusterInfo {
  let body: { kind?: string; data?: Record<string, string> };
  try {
    body = JSON.parse(answer.text);
  } catch {
    body = {};
  }
  if (body?.kind !== 'ConfigMap' && body?.kind !== 'Status') {
    throw new DiscoveryError(
      'not-kubernetes',
      `${endpoint} answers (HTTP ${answer.status}), but not as a Kubernetes API server does`,
      {
        hint: "Is this the API server's address? The default port is 6443.",
      },
    );
  }
  if (answer.status === 401 || answer.status === 403) {
    throw new DiscoveryError(
      'anonymous',
      `the cluster at ${endpoint} does not let joining nodes read kube-public/cluster-info (HTTP ${answer.status})`,
      {
        hint: 'Run `edgeadm init phase bootstrap-token` on the control plane, or join with --discovery-file.',
      },
    );
  }
  const kubeconfig = body.data?.kubeconfig;
  if (!kubeconfig) {
    throw new DiscoveryError(
      'token',
      `the cluster at ${endpoint} is not set up for joining with tokens: it has no kube-public/cluster-info`,
      {
        hint: 'Run `edgeadm init phase bootstrap-token` on the control plane.',
      },
    );
  }
  const prefix = 'jws-kubeconfig-';
  const signatures = Object.entries(body.data ?? {})
    .filter(([key, value]) => key.startsWith(prefix) && value !== '')
    .map(([key, value]) => [key.slice(prefix.length), value] as const);
  return { kubeconfig, signatures: new Map(signatures) };
}

/** Server and authority of a kubeconfig's (current) cluster. cluster-info's has neither names nor contexts. */
export async function parseCluster(
  kubeconfig: string,
  place: string,
): Promise<{ server: string; ca: string | undefined }> {
  const { load } = await import('js-yaml');
  type Named<T extends string, V> = { [key in T]?: V } & { name?: string };
  let config: {
    'current-context'?: string;
    contexts?: Named<'context', { cluster?: string }>[];
    clusters?: Named<'cluster', { server?: string; 'certificate-authority-data'?: string }>[];
  };
  try {
    config = load(kubeconfig) as typeof config;
    const context = config.contexts?.find(({ name }) => name === config['current-context'])?.context;
    const named = config.clusters?.find(({ name }) => context !== undefined && name === context.cluster);
    const { server, 'certificate-authority-data': data } = (named ?? config.clusters?.[0])?.cluster ?? {};
    if (!server || !URL.canParse(server)) throw new Error('it names no server');
    return { server, ca: data ? Buffer.from(data, 'base64').toString('utf8') : undefined };
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    throw new DiscoveryError('malformed', `the kubeconfig of ${place} cannot be used: ${problem}`, {
      hint: 'It must hold one cluster with a server and certificate-authority-data.',
      cause,
    });
  }
}
