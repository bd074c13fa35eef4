import type { Answer, ClientConnection } from '../http1/client-connection.ts';
import type { HeaderList } from '../http1/head.ts';
import type { Incoming } from '../http1/incoming.ts';
import type { Response } from '../http1/response.ts';
import type { CertificatePair } from '../serve/certificates.ts';
import type { WatchedFiles } from '../serve/files.ts';
import { isUnreachable, LinkDown } from './errors.ts';
import { Pool, type Server, serverOf } from './pool.ts';

export interface UpstreamRequest {
  method: string;
  /** Path with query, as it goes on the wire. */
  path: string;
  /** Without host. */
  headers: HeaderList;
  /** With the node's client certificate; otherwise with no certificate at all. */
  asNode: boolean;
  /** A stream is sent once; a buffer can be sent again. */
  body?: Incoming | Buffer | undefined;
  signal?: AbortSignal | undefined;
  /** Who it is for: when that goes before its answer is whole, so does the request. Costs less than a signal. */
  client?: Response | undefined;
  /** Its failure is judged by the caller. */
  probe?: boolean;
}

export interface TransportOptions {
  servers: readonly string[];
  authority: WatchedFiles<string>;
  credential: WatchedFiles<CertificatePair>;
  onBytes: () => void;
  onError: (error: unknown, otherServers: boolean) => void;
}

/** Connections to the API server: one pool with the node's certificate, one without any. */
export class Transport {
  private readonly options: TransportOptions;
  private readonly servers: Server[];
  private current = 0;
  private node: Pool | undefined;
  private plain: Pool | undefined;
  private end: LinkDown | undefined;
  readonly connections = new Set<ClientConnection>();

  constructor(options: TransportOptions) {
    this.options = options;
    this.servers = options.servers.map(serverOf);
  }

  get server(): Server {
    return this.servers[this.current]!;
  }

  get stopped(): boolean {
    return this.end !== undefined;
  }

  /** Exchanges that are under way. */
  get active(): number {
    let count = 0;
    for (const { busy } of this.connections) if (busy) count++;
    return count;
  }

  /** Takes rotated files for new connections; what runs on old ones ends in its own time. To be called each second. */
  refresh(): boolean {
    const authority = this.options.authority.refresh();
    const credential = this.options.credential.refresh();
    if (authority) this.plain = closed(this.plain);
    if (authority || credential) this.node = closed(this.node);
    this.plain?.sweep();
    this.node?.sweep();
    return authority || credential;
  }

  /** Takes the next server, unless another request has found out before that this one fails. */
  rotate(from: Server): void {
    if (from === this.server) this.current = (this.current + 1) % this.servers.length;
  }

  /** Ends every exchange, and every kept connection, as the link is dead. */
  cut(reason: string): void {
    const error = new LinkDown(reason);
    for (const connection of [...this.connections]) connection.destroy(error);
  }

  /** Cuts, and sends nothing any more: a connection that is open keeps the process from its end. */
  stop(): void {
    this.end = new LinkDown('the proxy is stopping');
    for (const connection of [...this.connections]) connection.destroy(this.end);
  }

  /**
   * Sends a request and resolves with the head of the answer. Without a body, or with all of it at hand, it is tried once
   * more when its kept connection turns out closed, and on each other server when one cannot be reached. Rejects with the system's error or LinkDown.
   */
  async send(request: UpstreamRequest): Promise<Answer> {
    const repeatable = !request.body || Buffer.isBuffer(request.body);
    let fresh = false;
    for (let attempt = 0; ; attempt++) {
      this.throwIfOver(request);
      const { server } = this;
      const connection = (fresh ? undefined : this.pool(request.asNode).take(server)) ?? this.open(request);
      const { used } = connection;
      try {
        return await this.exchange(connection, request);
      } catch (error) {
        const others = attempt + 1 < this.servers.length;
        const { code } = error as NodeJS.ErrnoException;
        if (request.probe || isGone(request) || code === 'ELINKDOWN') throw error;
        if (repeatable && used && !fresh && !isUnreachable(error)) {
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
  async upgrade(request: UpstreamRequest): Promise<Answer> {
    this.throwIfOver(request);
    try {
      return await this.exchange(this.open(request, true), { ...request, upgrade: true });
    } catch (error) {
      this.options.onError(error, false);
      throw error;
    }
  }

  private throwIfOver({ signal }: UpstreamRequest): void {
    signal?.throwIfAborted();
    if (this.end) throw this.end;
  }

  private open({ asNode }: UpstreamRequest, stream = false): ClientConnection {
    const connection = this.pool(asNode).open(this.server, stream);
    this.connections.add(connection);
    connection.socket.once('close', () => this.connections.delete(connection));
    return connection;
  }

  private exchange(
    connection: ClientConnection,
    request: UpstreamRequest & { upgrade?: boolean },
  ): Promise<Answer> {
    const { method, path, headers, body, signal, client, upgrade = false } = request;
    const onAbort = () => giveUp(signal?.reason as Error);
    const onOver = signal && (() => signal.removeEventListener('abort', onAbort));
    const { host } = this.server;
    const { answer, giveUp } = connection.send({ method, path, host, headers, body, upgrade }, onOver);
    signal?.addEventListener('abort', onAbort, { once: true });
    client?.whenClosed(() => giveUp(new Error('the client is gone')));
    return answer;
  }

  private pool(asNode: boolean): Pool {
    const { authority, credential, onBytes } = this.options;
    if (!asNode) {
      this.plain ??= new Pool(authority.value, undefined, onBytes);
      return this.plain;
    }
    this.node ??= new Pool(authority.value, credential.value, onBytes);
    return this.node;
  }
}

function closed(pool: Pool | undefined): undefined {
  pool?.close();
}

const isGone = ({ signal, client }: UpstreamRequest): boolean =>
  signal?.aborted || client?.destroyed || false;
