import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KubeObject } from '../../src/kube/types.ts';

/**
 * The part of a Kubernetes API server that controllers need, over plain HTTP on loopback. What it promises:
 *
 * - Objects by path. GET of one; GET of a collection in pages (`limit`, `continue`), of pods over all namespaces too;
 *   `fieldSelector` on `spec.signerName` and `spec.nodeName`, `labelSelector` of one `key=value`.
 * - `watch=true` sends all later changes from `resourceVersion` on as lines, and at once a 410 in the stream when that is
 *   older than `oldest`. Watches stay open until `endWatches` (a clean end) or `cutWatches` (a cut connection).
 * - PUT of `…/approval` takes the conditions only; a PUT of an object makes one that is missing. A PUT with a
 *   resourceVersion that is not the present one is 409, one without it on an object that is there 422.
 * - PATCH merges (RFC 7386) into an object that is there, 409 when it names another resourceVersion; as apply-patch it
 *   puts its fields over what is there, and makes what is missing.
 * - POST stores below the collection under the object's name. `put` and `remove` are an administrator's changes.
 * - `fault` is asked first: a status fails the request, `hang` never answers, `cut` closes the connection.
 */
export interface WatchApi {
  readonly url: string;
  readonly kubeconfig: string;
  readonly requests: {
    method: string;
    path: string;
    query: URLSearchParams;
    authorization: string | undefined;
  }[];
  /** Resource versions below it are gone. */
  oldest: number;
  fault:
    | ((method: string, path: string, query: URLSearchParams) => number | 'hang' | 'cut' | undefined)
    | undefined;
  put(path: string, object: object): KubeObject;
  get<T extends KubeObject>(path: string): T | undefined;
  /** Objects below a collection. */
  below<T extends KubeObject>(path: string): T[];
  remove(path: string): void;
  bookmark(): void;
  endWatches(): void;
  cutWatches(): void;
  readonly watches: number;
  /** Sends a raw text to every watch. */
  sendRaw(text: string): void;
  close(): Promise<void>;
}

interface Change {
  version: number;
  path: string;
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  object: KubeObject;
}

interface Answer {
  status: number;
  body: object;
}

const failure = (code: number, reason: string): Answer => ({
  status: code,
  body: { kind: 'Status', status: 'Failure', code, reason, message: `fake: ${reason}` },
});

export async function startWatchApi(): Promise<WatchApi> {
  const objects = new Map<string, KubeObject>();
  const changes: Change[] = [];
  const watches = new Map<ServerResponse, { path: string; query: URLSearchParams }>();
  let version = 1;

  const server = createServer((request, response) => void handle(request, response));

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://fake');
    const path = decodeURIComponent(pathname);
    const method = request.method ?? '';
    api.requests.push({ method, path, query, authorization: request.headers.authorization });
    let text = '';
    for await (const chunk of request) text += chunk;
    const fault = api.fault?.(method, path, query);
    if (fault === 'hang') return;
    if (fault === 'cut') {
      request.socket.destroy();
      return;
    }
    if (fault === undefined && method === 'GET' && query.get('watch') === 'true') {
      watch(response, path, query);
      return;
    }
    const { status, body } =
      fault === undefined
        ? answer(method, path, query, text, request.headers['content-type'])
        : failure(fault, 'Fault');
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }

  function answer(
    method: string,
    path: string,
    query: URLSearchParams,
    text: string,
    contentType = '',
  ): Answer {
    switch (method) {
      case 'GET':
        return read(path, query);
      case 'POST': {
        const given = JSON.parse(text) as KubeObject;
        return { status: 201, body: store(`${path}/${given.metadata.name}`, given) };
      }
      case 'PUT':
        return update(path, JSON.parse(text));
      case 'PATCH':
        return patch(path, JSON.parse(text), contentType.startsWith('application/apply-patch'));
      default:
        return failure(405, 'MethodNotAllowed');
    }
  }

  function read(path: string, query: URLSearchParams): Answer {
    const object = objects.get(path);
    if (object) return { status: 200, body: object };
    const isCollection = /\/(certificatesigningrequests|events|nodes|csinodes|pods|configmaps)$/.test(path);
    if (!isCollection) return failure(404, 'NotFound');
    const all = [...objects]
      .filter(([each, one]) => isIn(each, path) && selected(one, query))
      .map(([, one]) => one);
    const from = Number(query.get('continue') ?? 0);
    const to = from + Number(query.get('limit') ?? all.length);
    const metadata = {
      resourceVersion: String(version),
      ...(to < all.length && { continue: String(to) }),
    };
    const items = all.slice(from, to).map(({ apiVersion: _, kind: __, ...rest }) => rest);
    return { status: 200, body: { metadata, items } };
  }

  function update(path: string, given: KubeObject): Answer {
    const target = path.replace(/\/approval$/, '');
    const object = objects.get(target);
    const wanted = given.metadata.resourceVersion;
    if (!object && target !== path) return failure(404, 'NotFound');
    if (object && wanted === undefined) return failure(422, 'Invalid');
    if (object && wanted !== object.metadata.resourceVersion) return failure(409, 'Conflict');
    const { conditions } = (given.status ?? {}) as { conditions?: unknown };
    const next =
      target === path ? given : { ...object, status: { ...(object?.status as object), conditions } };
    return { status: object ? 200 : 201, body: store(target, next) };
  }

  function patch(path: string, given: KubeObject, apply: boolean): Answer {
    const object = objects.get(path);
    if (!object && !apply) return failure(404, 'NotFound');
    const wanted = given.metadata?.resourceVersion;
    if (object && wanted !== undefined && wanted !== object.metadata.resourceVersion)
      return failure(409, 'Conflict');
    return { status: 200, body: store(path, merge(object ?? {}, given) as object) };
  }

  function store(path: string, object: object): KubeObject {
    const type = objects.has(path) ? 'MODIFIED' : 'ADDED';
    const { metadata, ...rest } = structuredClone(object) as KubeObject;
    const stored = { ...rest, metadata: { ...metadata, resourceVersion: String(++version) } } as KubeObject;
    objects.set(path, stored);
    tell({ version, path, type, object: stored });
    return stored;
  }

  function tell(change: Change): void {
    changes.push(change);
    for (const [response, { path, query }] of watches) {
      if (isIn(change.path, path) && selected(change.object, query)) send(response, change);
    }
  }

  function watch(response: ServerResponse, path: string, query: URLSearchParams): void {
    const from = Number(query.get('resourceVersion'));
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    if (from < api.oldest) {
      response.end(
        `${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' } })}\n`,
      );
      return;
    }
    for (const change of changes) {
      if (change.version > from && isIn(change.path, path) && selected(change.object, query))
        send(response, change);
    }
    watches.set(response, { path, query });
    response.on('close', () => watches.delete(response));
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const api: WatchApi = {
    url,
    kubeconfig: JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster: { server: url } }],
      users: [{ name: 'u', user: { token: 'secret' } }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'c',
    }),
    requests: [],
    oldest: 0,
    fault: undefined,
    put: store,
    get: <T extends KubeObject>(path: string) => objects.get(path) as T | undefined,
    below: <T extends KubeObject>(path: string) =>
      [...objects].filter(([each]) => isIn(each, path)).map(([, one]) => one as T),
    remove(path) {
      const object = objects.get(path);
      if (!object) return;
      objects.delete(path);
      version++;
      tell({
        version,
        path,
        type: 'DELETED',
        object: { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } },
      });
    },
    bookmark() {
      const event = { type: 'BOOKMARK', object: { metadata: { resourceVersion: String(version) } } };
      for (const response of watches.keys()) response.write(`${JSON.stringify(event)}\n`);
    },
    endWatches() {
      for (const response of watches.keys()) response.end();
    },
    cutWatches() {
      for (const response of watches.keys()) response.destroy();
    },
    get watches() {
      return watches.size;
    },
    sendRaw(text) {
      for (const response of watches.keys()) response.write(text);
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return api;
}

function send(response: ServerResponse, { type, object }: Change): void {
  response.write(`${JSON.stringify({ type, object })}\n`);
}

const isIn = (path: string, collection: string) =>
  collection === '/api/v1/pods'
    ? /^\/api\/v1\/namespaces\/[^/]+\/pods\/[^/]+$/.test(path)
    : path.startsWith(`${collection}/`) && !path.slice(collection.length + 1).includes('/');

/** RFC 7386. */
function merge(into: unknown, change: unknown): unknown {
  if (typeof change !== 'object' || change === null || Array.isArray(change)) return change;
  const base = typeof into === 'object' && into !== null && !Array.isArray(into) ? into : {};
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(change)) {
    if (value === null) delete result[key];
    else result[key] = merge(result[key], value);
  }
  return result;
}

function selected(object: KubeObject, query: URLSearchParams): boolean {
  const spec = (object.spec ?? {}) as { signerName?: string; nodeName?: string };
  const fields = (query.get('fieldSelector') ?? '').split(',');
  const [key = '', value] = (query.get('labelSelector') ?? '').split('=');
  return (
    (value === undefined || object.metadata.labels?.[key] === value) &&
    fields.every((field) => {
      const [, name, not, wanted] = /^spec\.(signerName|nodeName)(!?)=(.*)$/.exec(field) ?? [];
      if (name === undefined) return true;
      return ((spec[name as keyof typeof spec] ?? '') === wanted) === (not === '');
    })
  );
}
