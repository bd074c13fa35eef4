import { createHmac } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { KubeObject } from '../../src/kube/types.ts';
import { failure, type RecordedRequest, route } from './apiserver-routes.ts';
import { type StatusAnswer, Store } from './apiserver-store.ts';
import { type Authority, type CertificateOptions, createCertificate } from './pki.ts';

/**
 * A Kubernetes API server on loopback, as far as edgeadm talks to one. What it promises:
 *
 * - TLS with a certificate of its own CA (`ca`) for 127.0.0.1 and localhost; HTTP/1.1; answers carry a `Date` header that is
 *   `clockSkewMs` ahead of this machine.
 * - Who asks: a client certificate of the CA or a token of role `admin` may do everything; a token of role `bootstrap` may
 *   also GET nodes by name and kube-system/kubeadm-config (roles kubeadm:get-nodes and kubeadm:nodes-kubeadm-config); anonymous may GET /version, /readyz and
 *   kube-public/cluster-info (unless `anonymous` is false: 401). An unknown token is 401. Else 403, as metav1.Status.
 * - GET, LIST (labelSelector and fieldSelector with `=`, limit/continue), DELETE, merge patch, and server-side apply, which
 *   needs fieldManager and application/apply-patch+yaml (415 otherwise), creates (201) or merges (200), keeps the
 *   resourceVersion when nothing changed, bumps generation with spec, and stores nothing with dryRun=All. Unlike the real one it
 *   replaces lists and never removes fields. A field whose name starts with `unknown` is refused under fieldValidation=Strict,
 *   with status 500 as 1.36 does.
 * - Objects in a namespace that is not there: 404. Discovery documents for /api/v1 and /apis/<group>/<version>. A
 *   CustomResourceDefinition is served after `crdDelay` further discovery requests.
 * - /readyz says `ready`; pod logs come from `logs` by `namespace/pod/container` (`…/previous` for the one before).
 * - `fail()` makes the next matching requests fail: with a status, by a cut connection, or by no answer at all.
 */
export interface FakeApiServer {
  readonly url: string;
  /** `127.0.0.1:port` */
  readonly endpoint: string;
  readonly ca: Authority;
  readonly store: Store;
  readonly requests: RecordedRequest[];
  readonly logs: Map<string, string>;
  ready: boolean;
  anonymous: boolean;
  version: string;
  clockSkewMs: number;
  crdDelay: number;
  /** Tokens by role. */
  tokens: Record<string, 'admin' | 'bootstrap'>;
  fail(fault: Fault): void;
  put(object: KubeObject): KubeObject;
  get<T = KubeObject>(path: string): T | undefined;
  /** Kubeconfig with a client certificate (default) or a token. */
  kubeconfig(options?: KubeconfigOptions): string;
  /** Publishes kube-public/cluster-info signed with tokens, as kubeadm and the bootstrapsigner do. */
  publishClusterInfo(tokens: string[], options?: { server?: string; ca?: string }): void;
  close(): Promise<void>;
}

export interface Fault {
  method?: string;
  path?: RegExp;
  /** Default 1. */
  times?: number;
  how: 'reset' | 'hang' | (StatusAnswer & { retryAfterSeconds?: number; plain?: string });
}

export interface KubeconfigOptions {
  token?: string;
  server?: string;
  ca?: string;
  anonymous?: boolean;
}

const bootstrapMayGet = /^\/api\/v1\/(nodes\/[^/]+|namespaces\/kube-system\/configmaps\/kubeadm-config)$/;

export async function startApiServer(
  options: { certificate?: Partial<CertificateOptions>; ca?: Authority } = {},
): Promise<FakeApiServer> {
  const ca = options.ca ?? createCertificate({ commonName: 'kubernetes', ca: true });
  const serving = createCertificate({
    commonName: 'kube-apiserver',
    names: ['127.0.0.1', 'localhost'],
    issuer: ca,
    ...options.certificate,
  });
  const admin = createCertificate({
    commonName: 'kubernetes-admin',
    organization: 'system:masters',
    issuer: ca,
  });
  const faults: (Fault & { left: number })[] = [];
  const store = new Store();
  const answer = (request: RecordedRequest) => route(fake, request);
  const server = createServer(
    { key: serving.key, cert: serving.cert, ca: ca.cert, requestCert: true, rejectUnauthorized: false },
    (request, response) => void handle(request, response),
  );

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'https://fake');
    const { authorization } = request.headers;
    const recorded: RecordedRequest = {
      method: request.method ?? '',
      path: decodeURIComponent(url.pathname),
      query: url.searchParams,
      contentType: request.headers['content-type'],
      authorization,
      body: await readBody(request),
    };
    fake.requests.push(recorded);
    response.setHeader('date', new Date(Date.now() + fake.clockSkewMs).toUTCString());
    const fault = faults.find(
      ({ left, method, path }) =>
        left > 0 && (!method || method === recorded.method) && (!path || path.test(recorded.path)),
    );
    if (fault) {
      fault.left--;
      if (fault.how === 'hang') return;
      if (fault.how === 'reset') {
        request.socket.destroy();
        return;
      }
      if (fault.how.retryAfterSeconds) response.setHeader('retry-after', fault.how.retryAfterSeconds);
    }
    const refused = fault ? (fault.how as StatusAnswer & { plain?: string }) : authorize(request, recorded);
    const { status, body } = refused ? failure(refused) : answer(recorded);
    response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));
  }

  function authorize(request: IncomingMessage, { method, path, authorization }: RecordedRequest) {
    const role = (request.socket as TLSSocket).authorized
      ? 'admin'
      : authorization && (fake.tokens[authorization.replace('Bearer ', '')] ?? 'unknown');
    if (role === 'unknown' || (!role && !fake.anonymous))
      return { status: 401, reason: 'Unauthorized', message: 'Unauthorized' };
    if (role === 'admin') return undefined;
    const open = ['/version', '/readyz', '/api/v1/namespaces/kube-public/configmaps/cluster-info'];
    if (method === 'GET' && open.includes(path)) return undefined;
    if (method === 'GET' && role === 'bootstrap' && bootstrapMayGet.test(path)) return undefined;
    const user = role ? 'system:bootstrap:abcdef' : 'system:anonymous';
    return { status: 403, reason: 'Forbidden', message: `User "${user}" cannot ${method} ${path}` };
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `127.0.0.1:${(server.address() as AddressInfo).port}`;

  const fake: FakeApiServer = {
    url: `https://${endpoint}`,
    endpoint,
    ca,
    store,
    requests: [],
    logs: new Map(),
    ready: true,
    anonymous: true,
    version: 'v1.36.3',
    clockSkewMs: 0,
    crdDelay: 0,
    tokens: {},
    fail: (fault) => void faults.push({ ...fault, left: fault.times ?? 1 }),
    put: (object) => store.put(object),
    get: <T>(path: string) => store.objects.get(path) as T | undefined,
    kubeconfig: (config = {}) => kubeconfigText(`https://${endpoint}`, ca.cert, admin, config),
    publishClusterInfo(tokens, config = {}) {
      const kubeconfig = clusterInfo(config.server ?? `https://${endpoint}`, config.ca ?? ca.cert);
      const data: Record<string, string> = { kubeconfig };
      for (const token of tokens)
        data[`jws-kubeconfig-${token.slice(0, 6)}`] = detachedJws(kubeconfig, token);
      store.put({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'cluster-info', namespace: 'kube-public' },
        data,
      });
    },
    close: () => close(server),
  };
  return fake;
}

/** RFC 7515 appendix F with HS256, written out apart from the code under test; header order is go-jose's. */
export function detachedJws(content: string, token: string): string {
  const [id = '', secret = ''] = token.split('.');
  const header = Buffer.from(`{"alg":"HS256","kid":"${id}"}`).toString('base64url');
  const signed = `${header}.${Buffer.from(content).toString('base64url')}`;
  return `${header}..${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

/** What kubeadm puts there: no names, no users, no contexts. */
function clusterInfo(server: string, ca: string): string {
  return `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: ${Buffer.from(ca).toString('base64')}
    server: ${server}
  name: ""
contexts: null
current-context: ""
kind: Config
preferences: {}
users: null
`;
}

function kubeconfigText(server: string, ca: string, admin: Authority, options: KubeconfigOptions): string {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const credentials = options.token
    ? `    token: ${options.token}`
    : `    client-certificate-data: ${base64(admin.cert)}\n    client-key-data: ${base64(admin.key)}`;
  const user = options.anonymous ? 'users: []' : `users:\n- name: admin\n  user:\n${credentials}`;
  return `apiVersion: v1
kind: Config
clusters:
- name: kubernetes
  cluster:
    certificate-authority-data: ${base64(options.ca ?? ca)}
    server: ${options.server ?? server}
contexts:
- name: admin@kubernetes
  context:
    cluster: kubernetes
    user: admin
current-context: admin@kubernetes
${user}
`;
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  return text === '' ? undefined : JSON.parse(text);
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
