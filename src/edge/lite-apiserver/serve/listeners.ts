import { constants } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { createServer, type Server, type TLSSocket, type TlsOptions } from 'node:tls';
import type { ListenAddress } from '../config.ts';
import { ServerConnection, type ServerHandler } from '../http1/server-connection.ts';
import type { CertificatePair } from './certificates.ts';
import type { WatchedFiles } from './files.ts';

export interface ListenersOptions {
  addresses: readonly ListenAddress[];
  serving: WatchedFiles<CertificatePair>;
  /** undefined: no client certificate is accepted. */
  clientAuthority: WatchedFiles<string> | undefined;
  handler: ServerHandler;
  log: (level: number, message: string) => void;
}

const retryMs = 500;
/** Longer than clients keep idle connections (client-go: 90 s), so that it is never the server that closes first. */
const keepAliveMs = 120_000;
/** A handshake, or the head of a request. */
const headMs = 10_000;
const sweepMs = 5000;

/**
 * The HTTPS listeners. One that cannot bind yet (the dummy link comes later, the certificate is not there yet) is tried
 * again until it can; the others serve meanwhile.
 */
export class Listeners {
  private readonly options: ListenersOptions;
  private readonly servers = new Map<ListenAddress, Server>();
  private readonly connections = new Set<ServerConnection>();
  private sweeper: NodeJS.Timeout | undefined;
  private readonly complaints = new Set<string>();

  constructor(options: ListenersOptions) {
    this.options = options;
  }

  /** Bound addresses; with port 0 the one that the system gave. */
  get bound(): ListenAddress[] {
    return [...this.servers.values()].flatMap((server) => {
      const address = server.address();
      return address && typeof address === 'object' ? [{ host: address.address, port: address.port }] : [];
    });
  }

  /** Resolves when all addresses are bound or the signal is aborted. */
  async open(signal: AbortSignal): Promise<void> {
    const { addresses, serving } = this.options;
    this.sweeper ??= setInterval(() => this.sweep(), sweepMs).unref();
    while (!signal.aborted) {
      serving.refresh();
      if (serving.value) {
        for (const address of addresses) if (!this.servers.has(address)) await this.bind(address);
        if (this.servers.size === addresses.length) return;
      } else this.complain(`no serving certificate yet: ${serving.problem}`);
      await setTimeout(retryMs, undefined, { signal }).catch(() => {});
    }
  }

  /** Takes rotated certificates for new connections. */
  renew(): void {
    const { serving } = this.options;
    if (!serving.value) return;
    for (const server of this.servers.values()) server.setSecureContext(this.secureContext());
  }

  async close(): Promise<void> {
    clearInterval(this.sweeper);
    for (const server of this.servers.values()) server.close();
    this.servers.clear();
    for (const connection of this.connections) connection.close();
  }

  private sweep(): void {
    for (const connection of this.connections) {
      const limit = connection.idle ? keepAliveMs : headMs;
      if (connection.waiting && ++connection.waited > limit / sweepMs) connection.timeOut();
    }
  }

  private secureContext(): TlsOptions {
    const { serving, clientAuthority } = this.options;
    return {
      cert: serving.value?.certificate,
      key: serving.value?.key,
      // Never the public authorities, which are the default.
      ca: clientAuthority?.value ?? [],
      minVersion: 'TLSv1.2',
      // A resumed session would bring back what was verified at its first handshake.
      secureOptions: constants.SSL_OP_NO_TICKET,
    };
  }

  private async bind(address: ListenAddress): Promise<void> {
    const { handler, log, clientAuthority } = this.options;
    const server = createServer(
      {
        ...this.secureContext(),
        requestCert: clientAuthority !== undefined,
        rejectUnauthorized: false,
        ALPNProtocols: ['http/1.1'],
        handshakeTimeout: headMs,
        noDelay: true,
      },
      (socket) => {
        const connection = new ServerConnection(socket, handler);
        takeDirectly(socket, connection);
        this.connections.add(connection);
        socket.once('close', () => this.connections.delete(connection));
      },
    );
    server.maxConnections = 4000;
    server.on('tlsClientError', () => {});
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(address.port, address.host, 1024, () => {
          server.off('error', reject);
          resolve();
        });
      });
      server.on('error', (error) => log(1, `listener ${address.host}: ${error.message}`));
      this.servers.set(address, server);
      log(1, `listening on ${address.host}:${address.port}`);
    } catch (error) {
      this.complain(`cannot listen on ${address.host}:${address.port} yet: ${(error as Error).message}`);
    }
  }

  private complain(message: string): void {
    if (this.complaints.has(message)) return;
    this.complaints.add(message);
    this.options.log(1, message);
  }
}

/**
 * While nothing is held back, bytes are taken as they are pushed into the stream: its buffer costs each request more than
 * reading its head does.
 */
function takeDirectly(socket: TLSSocket, connection: ServerConnection): void {
  const { push } = socket;
  socket.push = (block: Buffer | null, encoding) => {
    const buffered = socket.readableFlowing !== true || socket.readableLength > 0;
    if (block === null || buffered || connection.handedOver) return push.call(socket, block, encoding);
    connection.receive(block);
    return true;
  };
}
