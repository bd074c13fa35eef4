import { dump, load } from 'js-yaml';
import { EdgeadmError } from '../errors.ts';

interface Kubeconfig {
  'current-context'?: string;
  contexts?: { name?: string; context?: { cluster?: string } }[];
  clusters?: { name?: string; cluster?: { server?: string } }[];
}

/** Server of a kubeconfig's current context. Errors: E_KUBE_API when it names none. */
export function serverOf(kubeconfig: string, source: string): string {
  return currentCluster(parse(kubeconfig, source), source).server;
}

/** The same kubeconfig with another server in its current context. Errors: E_KUBE_API. */
export function withServer(kubeconfig: string, server: string, source: string): string {
  const document = parse(kubeconfig, source);
  const cluster = currentCluster(document, source);
  if (cluster.server === server) return kubeconfig;
  cluster.server = server;
  return dump(document, { lineWidth: -1, noRefs: true });
}

function parse(kubeconfig: string, source: string): Kubeconfig {
  try {
    return load(kubeconfig) as Kubeconfig;
  } catch (cause) {
    throw unusable(source, cause);
  }
}

function currentCluster(document: Kubeconfig, source: string): { server: string } {
  const context = document?.contexts?.find(({ name }) => name === document['current-context']);
  const cluster = document?.clusters?.find(({ name }) => name === context?.context?.cluster)?.cluster;
  if (typeof cluster?.server === 'string') return cluster as { server: string };
  throw unusable(source);
}

function unusable(source: string, cause?: unknown): EdgeadmError {
  return new EdgeadmError('E_KUBE_API', `${source} is no kubeconfig with a current context and a server`, {
    hint: 'Join this node again: `edgeadm reset`, then `edgeadm join`.',
    ...(cause === undefined ? {} : { cause }),
  });
}
