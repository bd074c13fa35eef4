import { constants } from 'node:crypto';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import type { CertificatePair } from '../lite-apiserver/serve/certificates.ts';

export interface HealthServerOptions {
  nodeName: string;
  port: number;
  pair: CertificatePair;
  online(): boolean;
  kubeletAlive(): boolean;
}

export interface HealthServer {
  port: number;
  renew(pair: CertificatePair): void;
  close(): void;
}

const maxConnections = 128;

/** What a peer is told. */
export interface HealthAnswer {
  node: string;
  /** Whether it reaches the cloud. */
  online: boolean;
  /** Whether its kubelet lives: the cloud hears of nothing else. */
  kubelet: boolean;
}

const answerOf = ({ nodeName, online, kubeletAlive }: HealthServerOptions): HealthAnswer => ({
  node: nodeName,
  online: online(),
  kubelet: kubeletAlive(),
});

/**
 * Answers peers: that this node lives, proven by its serving certificate, whether it reaches the cloud and has a kubelet. Anyone who
 * reaches the port may ask; there is nothing else to be had. Rejects when the port is taken.
 */
export async function serveHealth(options: HealthServerOptions): Promise<HealthServer> {
  const secure = ({ certificate, key }: CertificatePair) => ({
    cert: certificate,
    key,
    // Not the public authorities: nobody's certificate is asked for, and they cost megabytes.
    ca: [] as string[],
    minVersion: 'TLSv1.2' as const,
    secureOptions: constants.SSL_OP_NO_TICKET,
  });
  const server = https.createServer(
    {
      ...secure(options.pair),
      ALPNProtocols: ['http/1.1'],
      maxHeaderSize: 4096,
      headersTimeout: 5000,
      requestTimeout: 5000,
      handshakeTimeout: 5000,
      // Longer than the longest pause between probes.
      keepAliveTimeout: 330_000,
    },
    (request, response) => {
      const found = request.method === 'GET' && request.url === '/healthz';
      const body = found ? JSON.stringify(answerOf(options)) : '';
      response.writeHead(found ? 200 : 404, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      });
      response.end(body);
    },
  );
  server.maxConnections = maxConnections;
  server.on('tlsClientError', () => {});
  server.on('clientError', (_error, socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    // Without an address: on IPv6 and IPv4, or on IPv4 alone where there is no IPv6.
    server.listen(options.port, resolve);
  });
  server.on('error', () => {});
  return {
    port: (server.address() as AddressInfo).port,
    renew: (pair) => server.setSecureContext(secure(pair)),
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
