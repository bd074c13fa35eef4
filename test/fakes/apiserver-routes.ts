import type { KubeObject } from '../../src/kube/types.ts';
import { group, type Kind, type StatusAnswer, type Store } from './apiserver-store.ts';

export interface RecordedRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  contentType: string | undefined;
  authorization: string | undefined;
  body: unknown;
}

export interface Reply {
  status: number;
  /** A string is sent as it is, anything else as JSON. */
  body: unknown;
}

/** The parts of the fake that its routes read. */
export interface Backend {
  readonly store: Store;
  readonly logs: Map<string, string>;
  ready: boolean;
  version: string;
  crdDelay: number;
}

export function failure({ status, reason, message, plain }: StatusAnswer & { plain?: string }): Reply {
  const body = plain ?? {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    reason,
    message,
    code: status,
  };
  return { status, body };
}

const notFound = (message: string) => failure({ status: 404, reason: 'NotFound', message });

/** Answers an authorized request; see the contract in apiserver.ts. */
export function route(fake: Backend, request: RecordedRequest): Reply {
  const { path, query } = request;
  if (path === '/version') return { status: 200, body: { gitVersion: fake.version } };
  if (path === '/readyz') {
    return fake.ready
      ? { status: 200, body: '[+]ping ok\n[+]etcd ok\nreadyz check passed\n' }
      : { status: 500, body: '[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n' };
  }
  if (/^\/api\/v1$|^\/apis\/[^/]+\/[^/]+$/.test(path)) return discovery(fake, path);
  const log = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)\/log$/.exec(path);
  if (log) {
    const key = `${log[1]}/${log[2]}/${query.get('container')}${query.get('previous') === 'true' ? '/previous' : ''}`;
    const text = fake.logs.get(key);
    return text === undefined ? notFound(key) : { status: 200, body: text };
  }
  for (const kind of fake.store.kinds) {
    const match = new RegExp(
      `^${group(kind.apiVersion)}(?:/namespaces/([^/]+))?/${kind.plural}(?:/([^/]+))?$`,
    ).exec(path);
    if (match) return onObjects(fake, request, kind, match[1], match[2]);
  }
  return notFound('the server could not find the requested resource');
}

function onObjects(
  fake: Backend,
  request: RecordedRequest,
  kind: Kind,
  namespace?: string,
  name?: string,
): Reply {
  const { method, path } = request;
  if (!name) return list(fake, request, kind, namespace);
  const found = fake.store.objects.get(path);
  if (method === 'GET' || method === 'DELETE') {
    if (method === 'DELETE') fake.store.objects.delete(path);
    return found ? { status: 200, body: found } : notFound(`${kind.plural} "${name}" not found`);
  }
  if (namespace && !fake.store.objects.has(`/api/v1/namespaces/${namespace}`)) {
    return notFound(`namespaces "${namespace}" not found`);
  }
  return patch(fake, request);
}

function patch(fake: Backend, { path, query, contentType, body }: RecordedRequest): Reply {
  const apply = contentType === 'application/apply-patch+yaml';
  if (!apply && contentType !== 'application/merge-patch+json') {
    return failure({ status: 415, reason: 'UnsupportedMediaType', message: `content type ${contentType}` });
  }
  if (apply && !query.get('fieldManager')) {
    return failure({ status: 422, reason: 'Invalid', message: 'fieldManager is required for apply patch' });
  }
  const unknown = /"(unknown\w*)":/.exec(JSON.stringify(body))?.[1];
  if (query.get('fieldValidation') === 'Strict' && unknown) {
    const message = `failed to create typed patch object: .spec.${unknown}: field not declared in schema`;
    return failure({ status: 500, reason: '', message });
  }
  if (!apply && !fake.store.objects.has(path)) return notFound(path);
  const result = fake.store.patch(path, body as Record<string, unknown>, query.get('dryRun') === 'All');
  if (result.object.kind === 'CustomResourceDefinition' && !query.has('dryRun')) serve(fake, result.object);
  return { status: result.created ? 201 : 200, body: result.object };
}

function serve(fake: Backend, crd: KubeObject): void {
  const spec = crd.spec as {
    group: string;
    scope: string;
    names: { kind: string; plural: string };
    versions: { name: string }[];
  };
  for (const version of spec.versions) {
    const apiVersion = `${spec.group}/${version.name}`;
    const kind: Kind = { ...spec.names, apiVersion, namespaced: spec.scope === 'Namespaced' };
    fake.store.pendingKinds.push({ kind, delay: fake.crdDelay });
  }
}

function discovery({ store }: Backend, path: string): Reply {
  for (const pending of store.pendingKinds) if (pending.delay-- === 0) store.kinds.push(pending.kind);
  const kinds = store.kinds.filter(({ apiVersion }) => group(apiVersion) === path);
  if (kinds.length === 0) return notFound('the server could not find the requested resource');
  const resources = kinds.flatMap(({ kind, plural, namespaced }) => [
    { name: plural, kind, namespaced },
    { name: `${plural}/status`, kind, namespaced },
  ]);
  return { status: 200, body: { kind: 'APIResourceList', resources } };
}

function list({ store }: Backend, { query }: RecordedRequest, kind: Kind, namespace?: string): Reply {
  const prefix = group(kind.apiVersion) + (namespace ? `/namespaces/${namespace}` : '');
  const all = store.list(prefix, kind.plural, query).map(({ apiVersion: _, kind: __, ...rest }) => rest);
  const start = Number(query.get('continue') ?? 0);
  const end = start + Number(query.get('limit') ?? all.length);
  const metadata = end < all.length ? { continue: String(end) } : {};
  return { status: 200, body: { kind: `${kind.kind}List`, metadata, items: all.slice(start, end) } };
}
