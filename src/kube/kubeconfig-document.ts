import type { KubeDocument } from '../config/types.ts';

export interface KubeconfigFacts {
  /** URL of the API server. */
  server: string;
  /** PEM. */
  ca: string;
  /** Name of the user within the document. */
  user: string;
  /** A bearer token, or PEM of a client certificate and its key. */
  credentials: { token: string } | { certificate: string; key: string };
}

/** A kubeconfig with one context, in kubeadm's own form (app/util/kubeconfig, CreateBasic). */
export function kubeconfigDocument({ server, ca, user, credentials }: KubeconfigFacts): KubeDocument {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const cluster = 'kubernetes';
  const context = `${user}@${cluster}`;
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: cluster, cluster: { 'certificate-authority-data': base64(ca), server } }],
    contexts: [{ name: context, context: { cluster, user } }],
    'current-context': context,
    users: [
      {
        name: user,
        user:
          'token' in credentials
            ? { token: credentials.token }
            : {
                'client-certificate-data': base64(credentials.certificate),
                'client-key-data': base64(credentials.key),
              },
      },
    ],
  };
}
