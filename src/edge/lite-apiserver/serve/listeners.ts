import { constants } from 'node:crypto';
import type { Server as HttpServer } from 'node:http';
import https from 'node:https';
import { setTimeout } from 'node:timers/promises';
import type { ListenAddress } from '../config.ts';
import type { Handler } from '../handler.ts';
import type { CertificatePair } from './certificates.ts';
import type { WatchedFiles } from './files.ts';

export interface ListenersOptions {
  addresses: readonly ListenAddress[];
  serving: WatchedFiles<CertificatePair>;
  /** undefined: no client certificate is accepted. */
  clientAuthority: WatchedFiles<string> | undefined;
  handler: Handler;
  log: (level: number, message: string) => void;
}

const retryMs = 500;
/** Longer than clients keep idle connections (client-go: 90 s), so that it is never the server that closes first. */
const keepAliveMs = 120_000;

/**
 * The HTTPS listeners. One that cannot bind yet (the dummy link comes later, the certificate is not there yet) is tried
 * again until it can; the others serve meanwhile.
 */
export class Listeners {
  private readonly options: ListenersOptions;
  private readonly servers = new Map<ListenAddress, https.Server>();
  private readonly complaints = new Set<string>();

  constructor(options: ListenersOptions) {
    this.options = options;
  }

  /** Bound addresses; with port 0 the one that the system gave. */
  get bound(): ListenAddress[] {
    return [...this.servers.values()].flatMap((server) => {
      const address = (server as unknown as HttpServer).address();
      return address && typeof address === 'object' ? [{ host: address.address, port: address.port }] : [];
    });
  }

  /** Resolves when all addresses are bound or the signal is aborted. */
  async open(signal: AbortSignal): Promise<void> {
    const { addresses, serving } = this.options;
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
    for (const server of this.servers.values()) {
      server.close();
      server.closeAllConnections();
    }
    this.servers.clear();
  }

  private secureContext(): https.ServerOptions {
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
    const server = https.createServer(
      {
        ...this.secureContext(),
        requestCert: clientAuthority !== undefined,
        rejectUnauthorized: false,
        ALPNProtocols: ['http/1.1'],
        maxHeaderSize: 64 << 10,
        headersTimeout: 10_000,
        requestTimeout: 0,
        keepAliveTimeout: keepAliveMs,
        handshakeTimeout: 10_000,
        noDelay: true,
      },
      (request, response) => void handler.request(request, response),
    );
    server.maxConnections = 4000;
    server.on('upgrade', (request, socket, head) => void handler.upgrade(request, socket, head));
    server.on('connect', (_request, socket) => socket.destroy());
    server.on('tlsClientError', () => {});
    server.on('clientError', (error, socket) => {
      const code =
        (error as NodeJS.ErrnoException).code === 'HPE_HEADER_OVERFLOW'
          ? '431 Request Header Fields Too Large'
          : '400 Bad Request';
      if (socket.writable) socket.end(`HTTP/1.1 ${code}\r\nconnection: close\r\n\r\n`);
      else socket.destroy();
    });
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
