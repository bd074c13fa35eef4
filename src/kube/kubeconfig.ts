import { readFile } from 'node:fs/promises';
import type { AgentOptions } from 'node:https';
import { dirname, resolve } from 'node:path';
import type { Cluster, Context, User } from '@kubernetes/client-node/dist/config_types.js';
import { EdgeadmError } from '../errors.ts';

export type KubeconfigSource = { kubeconfigPath: string } | { kubeconfig: string };

/** Where an API server is and how to talk to it. */
export interface Connection {
  server: URL;
  tls: AgentOptions;
  /** Credentials that travel as headers; asked before each request, since tokens are renewed. */
  headers(): Promise<Record<string, string>>;
  proxyUrl: string | undefined;
  /** For messages: the file, or `the given kubeconfig`. */
  source: string;
}

/**
 * Reads the current context of a kubeconfig: client certificates, tokens, token files, exec plug-ins, basic auth.
 * Only @kubernetes/client-node's parser and authenticators are imported (7 ms): its KubeConfig class also
 * loads the generated API (620 ms, 85 MB).
 * Errors: E_KUBE_API (no such file, not a kubeconfig, no usable context).
 */
export async function readKubeconfig(source: KubeconfigSource): Promise<Connection> {
  const name = 'kubeconfigPath' in source ? source.kubeconfigPath : 'the given kubeconfig';
  const text = 'kubeconfigPath' in source ? await read(source.kubeconfigPath) : source.kubeconfig;
  const root = 'kubeconfigPath' in source ? dirname(resolve(source.kubeconfigPath)) : process.cwd();
  const { cluster, user } = await currentContext(text, name);
  const server = parseServer(cluster, name);
  const file = async (path: string | undefined, data: string | undefined) => {
    if (path) return readFile(resolve(root, path)).catch((cause) => invalid(name, `${path}: ${cause.code}`));
    return data ? Buffer.from(data, 'base64') : undefined;
  };
  const [ca, cert, key] = await Promise.all([
    file(cluster.caFile, cluster.caData),
    file(user?.certFile, user?.certData),
    file(user?.keyFile, user?.keyData),
  ]);
  const tls: AgentOptions = {
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(cluster.skipTLSVerify && { rejectUnauthorized: false }),
    ...(cluster.tlsServerName && { servername: cluster.tlsServerName }),
  };
  return {
    server,
    tls,
    headers: await authentication(user, tls, name),
    proxyUrl: cluster.proxyUrl,
    source: name,
  };
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new EdgeadmError('E_KUBE_API', `the kubeconfig ${path} cannot be read: ${code}`, {
      hint:
        code === 'ENOENT'
          ? 'Run this on a control-plane node after `edgeadm init`, or name a kubeconfig with --kubeconfig.'
          : 'Run as root, or name another kubeconfig with --kubeconfig.',
      cause,
    });
  }
}

async function currentContext(
  text: string,
  name: string,
): Promise<{ cluster: Cluster; user: User | undefined }> {
  const [{ load }, { newClusters, newContexts, newUsers }] = await Promise.all([
    import('js-yaml'),
    import('@kubernetes/client-node/dist/config_types.js'),
  ]);
  let raw: Record<string, unknown>;
  let lists: [Cluster[], User[], Context[]];
  try {
    raw = load(text) as Record<string, unknown>;
    if (raw === null || typeof raw !== 'object') throw new Error('it is not a mapping');
    lists = [newClusters(raw.clusters), newUsers(raw.users), newContexts(raw.contexts)];
  } catch (cause) {
    return invalid(name, cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause));
  }
  const [clusters, users, contexts] = lists;
  const wanted = raw['current-context'];
  const context = contexts.find((each) => each.name === wanted) ?? (wanted ? undefined : contexts[0]);
  // kubeadm's discovery files may have clusters but no context.
  const cluster = context ? clusters.find((each) => each.name === context.cluster) : clusters[0];
  if (!cluster || (wanted && !context))
    return invalid(name, `it has no usable context ${wanted ?? ''}`.trimEnd());
  return { cluster, user: users.find((each) => each.name === context?.user) };
}

function parseServer(cluster: Cluster, name: string): URL {
  if (!URL.canParse(cluster.server) || !/^https?:$/.test(new URL(cluster.server).protocol)) {
    return invalid(
      name,
      `cluster ${cluster.name} has the server ${JSON.stringify(cluster.server)}, which is no URL`,
    );
  }
  return new URL(cluster.server);
}

async function authentication(
  user: User | undefined,
  tls: AgentOptions,
  name: string,
): Promise<Connection['headers']> {
  const impersonate: Record<string, string> = user?.impersonateUser
    ? { 'impersonate-user': user.impersonateUser }
    : {};
  if (!user) return async () => impersonate;
  const { ExecAuth } = await import('@kubernetes/client-node/dist/exec_auth.js');
  const { FileAuth } = await import('@kubernetes/client-node/dist/file_auth.js');
  const authenticator = [new ExecAuth(), new FileAuth()].find((each) => each.isAuthProvider(user));
  if (authenticator) {
    return async () => {
      const options: { headers: Record<string, string>; cert?: string; key?: string } = { headers: {} };
      try {
        await authenticator.applyAuthentication(user, options);
      } catch (cause) {
        return invalid(
          name,
          `the credential plug-in of user ${user.name} failed: ${(cause as Error).message}`,
        );
      }
      if (options.cert && options.key) Object.assign(tls, { cert: options.cert, key: options.key });
      const { Authorization: authorization } = options.headers;
      return { ...impersonate, ...(authorization && { authorization }) };
    };
  }
  if (user.authProvider) {
    return invalid(
      name,
      `user ${user.name} has the auth-provider ${user.authProvider.name}, which is not supported`,
    );
  }
  if (user.token) return async () => ({ ...impersonate, authorization: `Bearer ${user.token}` });
  if (user.username) {
    const basic = Buffer.from(`${user.username}:${user.password ?? ''}`).toString('base64');
    return async () => ({ ...impersonate, authorization: `Basic ${basic}` });
  }
  return async () => impersonate;
}

function invalid(
  name: string,
  problem: string,
  hint = 'Name another one with --kubeconfig; `kubectl config view` shows what it holds.',
): never {
  throw new EdgeadmError('E_KUBE_API', `${name} cannot be used as a kubeconfig: ${problem}`, { hint });
}

/** The first server of a kubeconfig, a plain scalar in every one: YAML would have to be imported for this alone. */
export function serverIn(kubeconfig: string): string | undefined {
  return /^\s*server:\s*["']?(https?:\/\/[^"'\s]+)/m.exec(kubeconfig)?.[1];
}

/** `host:port` of the cluster of a kubeconfig that kubeadm wrote to `path`, as `edgeadm join` takes it. Errors: E_KUBE_API. */
export function endpointOf(kubeconfig: string, path: string): string {
  const server = serverIn(kubeconfig);
  if (!server || !URL.canParse(server))
    return invalid(path, 'it names no server', 'Put back the file that kubeadm wrote.');
  const { hostname, port } = new URL(server);
  return `${hostname}:${port || '443'}`;
}
