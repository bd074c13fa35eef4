import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EdgeadmError } from '../../errors.ts';

export interface HealthChecks {
  /** What is wrong with this process, so that a restart may help; undefined when nothing is. */
  live(): string | undefined;
  /** What keeps it from doing its work now. */
  ready(): string | undefined;
  metrics(): string;
}

export interface HealthServer {
  /** `127.0.0.1:10300` */
  readonly address: string;
  close(): Promise<void>;
}

/**
 * Serves /healthz, /livez, /readyz and /metrics without authentication: listen on a loopback address.
 * `address` is `host:port`; port 0 takes a free one. Errors: E_USAGE (not an address, or one that is taken).
 */
export async function serveHealth(address: string, checks: HealthChecks): Promise<HealthServer> {
  const match = /^\[?([^\]]+?)\]?:(\d{1,5})$/.exec(address);
  const port = Number(match?.[2]);
  if (!match || port > 65_535) {
    throw new EdgeadmError('E_USAGE', `invalid address ${JSON.stringify(address)}`, {
      hint: 'Write it as host:port, e.g. 127.0.0.1:10300.',
    });
  }
  const server = createServer(
    { requestTimeout: 5000, headersTimeout: 5000, keepAliveTimeout: 1000 },
    (request, response) => {
      const path = (request.url ?? '').split('?')[0];
      const answer = (status: number, text: string) => {
        response.writeHead(status, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
        response.end(request.method === 'HEAD' ? undefined : text);
      };
      const check = (problem: string | undefined) =>
        answer(problem === undefined ? 200 : 503, `${problem ?? 'ok'}\n`);
      if (request.method !== 'GET' && request.method !== 'HEAD') answer(405, 'only GET\n');
      else if (path === '/healthz' || path === '/livez') check(checks.live());
      else if (path === '/readyz') check(checks.ready());
      else if (path === '/metrics') answer(200, checks.metrics());
      else answer(404, 'not found\n');
    },
  );
  server.maxConnections = 32;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      reject(
        new EdgeadmError('E_USAGE', `cannot listen on ${address}: ${cause.code}`, {
          hint: 'Name a free address of this host with --health-address.',
          cause,
        }),
      );
    });
    server.listen(port, match[1], resolve);
  });
  const bound = server.address() as AddressInfo;
  return {
    address: `${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
