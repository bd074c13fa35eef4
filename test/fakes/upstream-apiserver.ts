import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { gzipSync } from 'node:zlib';
import type { KeyPair } from './pki.ts';

/**
 * An API server as far as a caching proxy notices: LIST, GET, WATCH and watch lists with one resourceVersion counter,
 * TokenRequest, client certificates and bearer tokens, over HTTPS on loopback. Contract:
 * - every change raises the version by one; watches get exactly the events after their version, in order;
 * - `sendInitialEvents` gives ADDED for all, then the annotated bookmark; a version below `compactedTo` gives 410;
 * - no certificate and no known token is 401; `deny` makes chosen paths 403;
 * - `silence()` drops what arrives and sends nothing, as a cut cable; `refuse()` closes the port; `heal()` undoes both.
 */
export interface StoredObject {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    [field: string]: unknown;
  };
  [field: string]: unknown;
}

interface Watcher {
  resource: string;
  matches: (object: StoredObject) => boolean;
  send: (type: string, object: unknown) => void;
  end: () => void;
}

export interface SeenRequest {
  method: string;
  url: string;
  /** Common name of the client certificate; empty without one. */
  commonName: string;
  serial: string;
  authorization: string;
  accept: string;
  headers: IncomingMessage['headers'];
  body: string;
}

export class UpstreamApiserver {
  readonly seen: SeenRequest[] = [];
  readonly tokens = new Map<string, string>();
  readonly deny = new Set<string>();
  readonly watchers = new Set<Watcher>();
  version = 100;
  compactedTo = 0;
  /** Answers to writes by `METHOD path`, in place of an echo. */
  readonly answers = new Map<string, (body: string) => unknown>();
  /** Milliseconds before each answer. */
  delayMs = 0;
  private readonly objects = new Map<string, StoredObject>();
  private readonly log: { version: number; type: string; resource: string; object: StoredObject }[] = [];
  private readonly sockets = new Set<Socket>();
  private server: https.Server;
  private readonly tls: https.ServerOptions;
  private port = 0;
  private silent = false;

  constructor(serving: KeyPair, clientAuthority: string) {
    this.tls = {
      cert: serving.cert,
      key: serving.key,
      ca: clientAuthority,
      requestCert: true,
      rejectUnauthorized: false,
    };
    this.server = this.makeServer();
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  get openConnections(): number {
    return this.sockets.size;
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(this.port, '127.0.0.1', resolve));
    this.port = (this.server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  /** Closes the port and every connection: ECONNREFUSED from now on. */
  async refuse(): Promise<void> {
    this.watchers.clear();
    await this.stop();
  }

  /** Nothing is read or answered any more, and nothing is closed. */
  silence(): void {
    this.silent = true;
    for (const socket of this.sockets) socket.pause();
  }

  async heal(): Promise<void> {
    if (this.silent) {
      this.silent = false;
      for (const socket of this.sockets) socket.destroy();
    }
    if (!this.server.listening) {
      this.server = this.makeServer();
      await this.start();
    }
  }

  put(resource: string, object: StoredObject): StoredObject {
    const key = keyOf(resource, object.metadata.namespace, object.metadata.name);
    const before = this.objects.get(key);
    const version = String(++this.version);
    const uid = object.metadata.uid ?? before?.metadata.uid ?? createHash('sha1').update(key).digest('hex');
    const managedFields = [{ manager: 'fake', operation: 'Update', fieldsV1: { 'f:spec': {} } }];
    const stored = {
      ...object,
      metadata: { ...object.metadata, uid, resourceVersion: version, managedFields },
    };
    this.objects.set(key, stored);
    this.emit(before ? 'MODIFIED' : 'ADDED', resource, stored, before);
    return stored;
  }

  remove(resource: string, namespace: string | undefined, name: string): void {
    const key = keyOf(resource, namespace, name);
    const before = this.objects.get(key);
    if (!before) return;
    this.objects.delete(key);
    const version = String(++this.version);
    this.emit('DELETED', resource, { ...before, metadata: { ...before.metadata, resourceVersion: version } });
  }

  list(resource: string): StoredObject[] {
    return [...this.objects].filter(([key]) => key.startsWith(`${resource}|`)).map(([, object]) => object);
  }

  bookmark(): void {
    for (const { send } of this.watchers) {
      send('BOOKMARK', {
        kind: 'Any',
        apiVersion: 'v1',
        metadata: { resourceVersion: String(this.version) },
      });
    }
  }

  /** Ends watches in the middle of nothing, as a crash would. */
  dropConnections(): void {
    for (const socket of this.sockets) socket.destroy();
    this.watchers.clear();
  }

  private emit(type: string, resource: string, object: StoredObject, before?: StoredObject): void {
    this.log.push({ version: this.version, type, resource, object });
    for (const watcher of this.watchers) {
      if (watcher.resource !== resource) continue;
      deliver(watcher, type, object, before);
    }
  }

  private makeServer(): https.Server {
    const server = https.createServer(this.tls, (request, response) => void this.handle(request, response));
    server.on('connection', (socket: Socket) => {
      if (this.silent) socket.pause();
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
    server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      void head;
      if (this.identify(request) === '') {
        socket.end('HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n');
        return;
      }
      this.note(request, '');
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: ${request.headers.upgrade}\r\nx-stream-protocol-version: v4.channel.k8s.io\r\n\r\n`,
      );
      socket.on('data', (chunk) => socket.write(`echo ${chunk}`));
      socket.on('error', () => {});
    });
    return server;
  }

  /** Name of the caller; empty for nobody. */
  private identify(request: IncomingMessage): string {
    const socket = request.socket as TLSSocket;
    const subject = socket.getPeerCertificate().subject;
    if (socket.authorized && subject) return String(subject.CN);
    return this.tokens.get((request.headers.authorization ?? '').replace('Bearer ', '')) ?? '';
  }

  private note(request: IncomingMessage, body: string): void {
    const { method = '', url = '', headers } = request;
    const certificate = (request.socket as TLSSocket).getPeerCertificate();
    const commonName = String(certificate?.subject?.CN ?? '');
    const serial = certificate?.serialNumber ?? '';
    const { authorization = '', accept = '' } = headers;
    this.seen.push({ method, url, commonName, serial, authorization, accept, headers, body });
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.silent) return;
    let body = '';
    request.setEncoding('latin1');
    for await (const chunk of request) body += chunk;
    if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
    if (request.url === '/readyz') {
      response.end('ok');
      return;
    }
    this.note(request, body);
    const json = (code: number, value: unknown) => this.answer(request, response, code, value);
    const user = this.identify(request);
    if (user === '') return json(401, { kind: 'Status', code: 401, reason: 'Unauthorized' });
    const url = new URL(request.url ?? '/', 'https://x');
    if (this.deny.has(url.pathname)) return json(403, { kind: 'Status', code: 403, reason: 'Forbidden' });
    const match =
      /^\/(?:api\/v1|apis\/[^/]+\/[^/]+)(?:\/namespaces\/([^/]+))?\/([^/]+)(?:\/([^/]+))?(?:\/(.+))?$/.exec(
        url.pathname,
      );
    if (!match) return json(200, { major: '1', minor: '36' });
    const [, namespace, resource = '', name, subresource] = match;
    if (subresource === 'token' && request.method === 'POST')
      return json(201, this.issue(namespace ?? '', name ?? ''));
    const scripted = this.answers.get(`${request.method} ${url.pathname}`);
    if (scripted) return json(request.method === 'POST' ? 201 : 200, scripted(body));
    if (request.method !== 'GET')
      return json(request.method === 'POST' ? 201 : 200, { kind: 'Echo', method: request.method, body });
    if (name && !subresource) {
      const object = this.objects.get(keyOf(resource, namespace, name));
      return object ? json(200, object) : json(404, { kind: 'Status', code: 404, reason: 'NotFound' });
    }
    const matches = selector(url.searchParams, namespace);
    if (subresource) return json(200, { kind: 'Subresource' });
    if (url.searchParams.get('watch') === 'true')
      return this.watch(url.searchParams, resource, matches, response);
    const items = this.list(resource)
      .filter(matches)
      .map(({ apiVersion: _a, kind: _k, ...rest }) => rest);
    const apiVersion = url.pathname.startsWith('/api/')
      ? 'v1'
      : url.pathname.split('/').slice(2, 4).join('/');
    return json(200, {
      kind: `${kindOf(resource)}List`,
      apiVersion,
      metadata: { resourceVersion: String(this.version) },
      items,
    });
  }

  private watch(
    query: URLSearchParams,
    resource: string,
    matches: Watcher['matches'],
    response: ServerResponse,
  ): void {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const send = (type: string, object: unknown) => response.write(`${JSON.stringify({ type, object })}\n`);
    const from = Number(query.get('resourceVersion') || 0);
    const watcher: Watcher = { resource, matches, send, end: () => response.end() };
    if (query.get('sendInitialEvents') === 'true') {
      for (const object of this.list(resource).filter(matches)) send('ADDED', object);
      const metadata = {
        resourceVersion: String(this.version),
        annotations: { 'k8s.io/initial-events-end': 'true' },
      };
      send('BOOKMARK', { kind: kindOf(resource), apiVersion: 'v1', metadata });
    } else if (from > 0 && from < this.compactedTo) {
      send('ERROR', { kind: 'Status', code: 410, reason: 'Expired', metadata: {} });
      response.end();
      return;
    } else {
      const last = new Map<string, StoredObject>();
      for (const entry of this.log) {
        if (entry.resource !== resource) continue;
        const key = keyOf(resource, entry.object.metadata.namespace, entry.object.metadata.name);
        if (entry.version > from) deliver(watcher, entry.type, entry.object, last.get(key));
        last.set(key, entry.object);
      }
    }
    this.watchers.add(watcher);
    response.on('close', () => this.watchers.delete(watcher));
    const seconds = Number(query.get('timeoutSeconds') ?? 0);
    if (seconds > 0) setTimeout(() => response.end(), seconds * 1000).unref();
  }

  private issue(namespace: string, name: string): unknown {
    const claim = {
      iss: 'fake',
      sub: `system:serviceaccount:${namespace}:${name}`,
      exp: Math.floor(Date.now() / 1000) + 3600,
    };
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const token = `${part({ alg: 'none' })}.${part({ ...claim, jti: ++this.version })}.sig`;
    this.tokens.set(token, claim.sub);
    const status = { token, expirationTimestamp: new Date(Date.now() + 3_600_000).toISOString() };
    return {
      kind: 'TokenRequest',
      apiVersion: 'authentication.k8s.io/v1',
      metadata: { name },
      spec: { expirationSeconds: 3607 },
      status,
    };
  }

  private answer(request: IncomingMessage, response: ServerResponse, code: number, value: unknown): void {
    let body: Buffer = Buffer.from(`${JSON.stringify(value)}\n`);
    const headers: Record<string, string | number> = { 'content-type': 'application/json' };
    if (body.length > 128 << 10 && /gzip/.test(String(request.headers['accept-encoding']))) {
      body = gzipSync(body, { level: 1 });
      headers['content-encoding'] = 'gzip';
    }
    response.writeHead(code, { ...headers, 'content-length': body.length });
    response.end(body);
  }
}

function deliver(
  watcher: Watcher,
  type: string,
  object: StoredObject,
  before: StoredObject | undefined,
): void {
  const is = watcher.matches(object);
  const was = before !== undefined && watcher.matches(before);
  if (type === 'DELETED') {
    if (is) watcher.send('DELETED', object);
  } else if (is) watcher.send(type === 'MODIFIED' && !was ? 'ADDED' : type, object);
  else if (was) watcher.send('DELETED', object);
}

function selector(query: URLSearchParams, namespace: string | undefined): (object: StoredObject) => boolean {
  const fields = (query.get('fieldSelector') ?? '')
    .split(',')
    .filter(Boolean)
    .map((term) => term.split('='));
  const labels = (query.get('labelSelector') ?? '')
    .split(',')
    .filter(Boolean)
    .map((term) => term.split('='));
  return (object) =>
    (namespace === undefined || object.metadata.namespace === namespace) &&
    fields.every(
      ([path = '', value]) =>
        path.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], object) ===
        value,
    ) &&
    labels.every(
      ([key = '', value]) => (object.metadata.labels as Record<string, string> | undefined)?.[key] === value,
    );
}

const kinds: Record<string, string> = {
  configmaps: 'ConfigMap',
  endpointslices: 'EndpointSlice',
  csidrivers: 'CSIDriver',
};

function kindOf(resource: string): string {
  return kinds[resource] ?? resource.charAt(0).toUpperCase() + resource.slice(1, -1);
}

function keyOf(resource: string, namespace: string | undefined, name: string): string {
  return `${resource}|${namespace ?? ''}|${name}`;
}
