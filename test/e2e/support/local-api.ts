import type { TestNode } from './playground.ts';

/** The node-local API proxy, as everything on the node and in host-network Pods reaches it. */
export const localApi = 'https://169.254.20.11:51003';

export interface LocalAnswer {
  status: number;
  headers: Record<string, string>;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: answers of any form
  json: any;
}

export interface LocalRequest {
  token?: string;
  method?: string;
  body?: unknown;
  /** Further arguments of curl. */
  args?: readonly string[];
}

/** Asks the proxy from the node's own network, with no credential but a token. */
export async function askLocalApi(
  node: TestNode,
  path: string,
  { token, method = 'GET', body, args = [] }: LocalRequest = {},
): Promise<LocalAnswer> {
  const { stdout } = await node.run([
    'curl',
    ...['--silent', '--show-error', '--include', '--max-time', '20', '--http1.1'],
    ...['--cacert', '/etc/kubernetes/pki/ca.crt', '--request', method],
    ...(token === undefined ? [] : ['--header', `Authorization: Bearer ${token}`]),
    ...(body === undefined
      ? []
      : ['--header', 'Content-Type: application/json', '--data', JSON.stringify(body)]),
    ...args,
    `${localApi}${path}`,
  ]);
  const [head = '', ...rest] = stdout.split(/\r?\n\r?\n/);
  const [first = '', ...lines] = head.split(/\r?\n/);
  const text = rest.join('\n\n');
  return {
    status: Number(first.split(' ')[1]),
    headers: Object.fromEntries(
      lines.map((line) => [line.split(':')[0]!.toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
    ),
    text,
    get json() {
      return JSON.parse(text);
    },
  };
}

/** The token that a Pod on this node has, as the kubelet wrote it for the Pod. */
export async function tokenOf(node: TestNode, podUid: string): Promise<string> {
  const { stdout } = await node.sh(
    `cat /var/lib/kubelet/pods/${podUid}/volumes/kubernetes.io~projected/kube-api-access-*/token`,
  );
  return stdout.trim();
}
