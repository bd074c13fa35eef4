import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { dirname } from 'node:path';
import type { Duplex } from 'node:stream';
import type { Response } from './http1/response.ts';
import { type Request, ServerConnection } from './http1/server-connection.ts';
import { podsOf } from './pods/kept.ts';
import { workloadOf } from './pods/workload.ts';
import type { CertificateStatus, PeerStatus, ProxyContext } from './proxy/context.ts';
import { headerList } from './request/headers.ts';
import { resourceName } from './request/path.ts';
import { sendStatus } from './wire/status.ts';

/** What `edgeadm status` shows; `GET /edge/status`. */
export interface LiteApiserverStatus {
  node: string;
  online: boolean;
  /** ISO time of the last change. */
  since: string;
  /** Why it is offline; empty online. */
  reason: string;
  server: string;
  transitions: number;
  cache: {
    bytes: number;
    collections: number;
    entries: number;
    tokens: number;
    acceptedTokens: number;
    /** Of row content since the start, before SQLite. */
    writtenBytes: number;
    /** Error of the last write; empty when all is well. */
    problem: string;
    /** Why the previous file was set aside at the start; empty otherwise. */
    setAside: string;
  };
  /** What was read, by whom; `syncedAt` is the last sign that it is current. */
  resources: {
    identity: string;
    resource: string;
    namespace: string;
    selector: string;
    complete: boolean;
    objects: number;
    resourceVersion: string;
    syncedAt: string;
    live: boolean;
  }[];
  certificates: CertificateStatus[];
  clock: {
    /** Why it cannot be right; empty when nothing speaks against it. */
    problem: string;
    /** ISO time that the API server confirmed last; empty: never yet. */
    confirmedAt: string;
  };
  /** Other nodes of this site; empty when there are none, or the addon edge-health is off. */
  peers: PeerStatus[];
  memory: { rssBytes: number };
}

/** Gathers the status. */
export function statusOf(context: ProxyContext): LiteApiserverStatus {
  const { link, store, transport, config } = context;
  const collections = [...store.collections];
  return {
    node: config.nodeName,
    online: link.online,
    since: link.since.toISOString(),
    reason: link.reason,
    server: transport.server.origin,
    transitions: link.transitions,
    cache: {
      bytes: store.guard(() => store.db.size().bytes) ?? 0,
      collections: collections.length,
      entries: store.guard(() => store.entries.count()) ?? 0,
      tokens: store.guard(() => store.tokens.count()) ?? 0,
      acceptedTokens: store.tokens.accepted,
      writtenBytes: store.db.logicalBytes,
      problem: store.problem ?? '',
      setAside: store.db.setAside ?? '',
    },
    resources: collections.map(({ key, complete, members, version, synced, feeds }) => ({
      identity: key.identity,
      resource: resourceName(key),
      namespace: key.namespace,
      selector: [key.fields, key.labels].filter(Boolean).join(';'),
      complete,
      objects: members,
      resourceVersion: version,
      syncedAt: synced === 0 ? '' : new Date(synced).toISOString(),
      live: feeds > 0,
    })),
    certificates: context.certificates(),
    clock: {
      problem: context.clock.problem,
      confirmedAt:
        context.clock.confirmedAt === undefined ? '' : new Date(context.clock.confirmedAt).toISOString(),
    },
    peers: context.peers?.() ?? [],
    memory: { rssBytes: process.memoryUsage.rss() },
  };
}

/** Answers `/edge/status`, `/edge/pods`, `/edge/workload`, `/edge/metrics` and `/edge/healthz`. */
export function report(context: ProxyContext, request: Request, response: Response): void {
  const send = (type: string, text: string) => {
    const length = String(Buffer.byteLength(text));
    response.writeHead(
      200,
      headerList({ 'content-type': type, 'content-length': length, 'cache-control': 'no-store' }),
    );
    response.end(text);
  };
  const path = request.url.replace(/\?.*$/, '');
  if (request.method !== 'GET') sendStatus(response, 405, 'only GET');
  else if (path === '/edge/status') send('application/json', `${JSON.stringify(statusOf(context))}\n`);
  else if (path === '/edge/pods') send('application/json', `${JSON.stringify(podsOf(context) ?? null)}\n`);
  else if (path === '/edge/workload') send('application/json', `${JSON.stringify(workloadOf(context))}\n`);
  else if (path === '/edge/metrics') send('text/plain; version=0.0.4', context.metrics.text());
  else if (path === '/edge/healthz') send('text/plain', 'ok\n');
  else sendStatus(response, 404, 'status, pods, workload, metrics and healthz are here');
}

/** Serves the same on a Unix socket that only root can open: works without any certificate. */
export async function serveStatus(context: ProxyContext, socket: string): Promise<Server> {
  const handler = {
    request(request: Request, response: Response) {
      context.later.run();
      setImmediate(() => report(context, request, response));
    },
    upgrade: (_request: Request, client: Duplex) => void client.destroy(),
  };
  const server = createServer((client) => void new ServerConnection(client, handler));
  mkdirSync(dirname(socket), { recursive: true });
  rmSync(socket, { force: true });
  const previous = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(socket, resolve);
    });
    chmodSync(socket, 0o600);
  } finally {
    process.umask(previous);
  }
  return server;
}

/** Gauges over the context, read when they are asked for. */
export function describeGauges(context: ProxyContext, watches: () => number): void {
  const { metrics, link, store, transport } = context;
  metrics.gauge('online', 'Whether the API server can be reached.', () => Number(link.online));
  metrics.gauge(
    'link_changed_timestamp_seconds',
    'When the link last changed.',
    () => link.since.getTime() / 1000,
  );
  metrics.gauge('link_transitions_total', 'Changes of the link.', () => link.transitions, 'counter');
  metrics.gauge('watches', 'Watches of clients that are open.', watches);
  metrics.gauge('upstream_requests', 'Exchanges with the API server that are open.', () => transport.active);
  metrics.gauge('upstream_connections', 'Connections to the API server.', () => transport.connections.size);
  metrics.gauge('cache_bytes', 'Size of the cache.', () => store.guard(() => store.db.size().bytes) ?? 0);
  metrics.gauge('cache_collections', 'Selections in the cache.', () => [...store.collections].length);
  metrics.gauge(
    'cache_written_bytes_total',
    'Row content handed to SQLite.',
    () => store.db.logicalBytes,
    'counter',
  );
  metrics.gauge('cache_flushes_total', 'Batches written.', () => store.flushes, 'counter');
  metrics.gauge('cache_failed', 'Whether the last write failed.', () => Number(store.problem !== undefined));
  metrics.gauge('process_resident_memory_bytes', 'Memory of the process.', () => process.memoryUsage.rss());
}
