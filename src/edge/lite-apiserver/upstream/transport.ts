import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import https from 'node:https';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream';
import { createSecureContext } from 'node:tls';
import type { HeaderList } from '../request/headers.ts';
import type { CertificatePair } from '../serve/certificates.ts';
import type { WatchedFiles } from '../serve/files.ts';
import { isUnreachable, LinkDown } from './errors.ts';

export interface UpstreamRequest {
  method: string;
  /** Path with query, as it goes on the wire. */
  path: string;
  /** Without host. */
  headers: HeaderList;
  /** With the node's client certificate; otherwise with no certificate at all. */
  asNode: boolean;
  /** A stream is sent once; a buffer can be sent again. */
  body?: Readable | Buffer | undefined;
  signal?: AbortSignal | undefined;
  /** Who it is for: when that goes before its answer is whole, so does the request. Costs less than a signal. */
  client?: ServerResponse | undefined;
  /** Its failure is judged by the caller. */
  probe?: boolean;
}

export interface TransportOptions {
  servers: readonly string[];
  authority: WatchedFiles<string>;
  credential: WatchedFiles<CertificatePair>;
  onBytes: (bytes: number) => void;
  onError: (error: unknown, otherServers: boolean) => void;
}

/** Connections to the API server: one pool with the node's certificate, one without any. */
export class Transport {
  private readonly options: TransportOptions;
  private readonly urls: URL[];
  private current = 0;
  private node: https.Agent | undefined;
  private plain: https.Agent | undefined;
  private readonly inFlight = new Set<ClientRequest>();
  readonly sockets = new Set<object>();

  constructor(options: TransportOptions) {
    this.options = options;
    this.urls = options.servers.map((server) => new URL(server));
  }

  get server(): URL {
    return this.urls[this.current] as URL;
  }

  get active(): number {
    return this.inFlight.size;
  }

  /** Takes rotated files for new connections; what runs on old ones ends in its own time. */
  refresh(): boolean {
    const authority = this.options.authority.refresh();
    const credential = this.options.credential.refresh();
    if (authority) this.plain = undefined;
    if (authority || credential) this.node = undefined;
    return authority || credential;
  }

  /** Takes the next server, unless another request has found out before that this one fails. */
  rotate(from: URL): void {
    if (from === this.server) this.current = (this.current + 1) % this.urls.length;
  }

  /** Ends every exchange, and every kept connection, as the link is dead. */
  cut(reason: string): void {
    const error = new LinkDown(reason);
    for (const request of [...this.inFlight]) request.destroy(error);
    this.node?.destroy();
    this.plain?.destroy();
  }

  /**
   * Sends a request and resolves with the head of the answer. A read is tried once more when its kept connection turns
   * out closed, and on each other server when one cannot be reached. Rejects with the system's error or LinkDown.
   */
  async send(request: UpstreamRequest): Promise<IncomingMessage> {
    const repeatable = !request.body || Buffer.isBuffer(request.body);
    let fresh = false;
    for (let attempt = 0; ; attempt++) {
      const { server } = this;
      try {
        const answer = await this.once(request, fresh);
        this.options.onBytes(0);
        // A short answer is there as a whole with its head.
        if (!answer.complete) {
          answer.on('data', (chunk: Buffer) => this.options.onBytes(chunk.length));
          answer.pause();
        }
        return answer;
      } catch (error) {
        const others = attempt + 1 < this.urls.length;
        const { code, reused } = error as NodeJS.ErrnoException & { reused?: boolean };
        if (request.probe || isGone(request) || code === 'ELINKDOWN') throw error;
        if (repeatable && reused && !fresh && !isUnreachable(error)) {
          fresh = true;
          attempt--;
          continue;
        }
        this.options.onError(error, others);
        if (!repeatable || !others || !isUnreachable(error)) throw error;
        this.rotate(server);
      }
    }
  }

  /** A request that asks for another protocol on its connection (exec, port-forward); never pooled or repeated. */
  upgrade(request: UpstreamRequest): ClientRequest {
    const sent = this.open(request, false);
    sent.on('error', (error) => this.options.onError(error, false));
    return sent;
  }

  private once(request: UpstreamRequest, fresh: boolean): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const sent = this.open(request, fresh ? false : undefined);
      sent.once('response', resolve);
      sent.once('error', (error) => reject(Object.assign(error, { reused: sent.reusedSocket })));
    });
  }

  private open(request: UpstreamRequest, agent: false | undefined): ClientRequest {
    const { server } = this;
    const { authority, credential } = this.options;
    const pair = request.asNode ? credential.value : undefined;
    const sent = https.request({
      host: server.hostname.replace(/^\[|\]$/g, ''),
      port: server.port || 443,
      method: request.method,
      path: request.path,
      headers: ['host', server.host, ...request.headers],
      ...(agent === false
        ? { agent: false, ca: authority.value, cert: pair?.certificate, key: pair?.key }
        : { agent: this.agent(request.asNode) }),
      ...(request.signal ? { signal: request.signal } : {}),
    });
    this.inFlight.add(sent);
    sent.once('close', () => this.inFlight.delete(sent));
    const { client } = request;
    client?.once('close', () => {
      if (!client.writableFinished) sent.destroy();
    });
    sent.once('socket', (socket) => {
      if (this.sockets.has(socket)) return;
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
    const { body } = request;
    if (!body || Buffer.isBuffer(body)) sent.end(body);
    else {
      body.pipe(sent);
      finished(body, { writable: false }, (error) => {
        if (error) sent.destroy(error);
      });
    }
    return sent;
  }

  private agent(asNode: boolean): https.Agent {
    const { authority, credential } = this.options;
    const shared = { keepAlive: true, keepAliveMsecs: 15_000, maxFreeSockets: 8, timeout: 60_000 };
    // One context for all connections: one each would cost every watch its own copy of the certificates.
    const context = (pair?: CertificatePair) =>
      createSecureContext({ ca: authority.value, cert: pair?.certificate, key: pair?.key });
    if (!asNode) {
      this.plain ??= new Agent({ ...shared, secureContext: context() });
      return this.plain;
    }
    this.node ??= new Agent({ ...shared, secureContext: context(credential.value) });
    return this.node;
  }
}

/** All connections of an agent are made alike, so the server tells them apart. The default puts every option into a name, for each request. */
class Agent extends https.Agent {
  override getName({ host, port }: https.RequestOptions = {}): string {
    return `${host}:${port}`;
  }
}

const isGone = ({ signal, client }: UpstreamRequest): boolean =>
  signal?.aborted || client?.destroyed || false;
