import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Emit } from '../../workflow/events.ts';
import { Store } from './cache/store.ts';
import { NodeClock } from './clock.ts';
import type { LiteApiserverConfig } from './config.ts';
import { FilterChain, type ResponseFilter } from './filters/chain.ts';
import { kubernetesServiceFilter } from './filters/kubernetes-service.ts';
import { Handler } from './handler.ts';
import { Later } from './later.ts';
import { Memory } from './memory.ts';
import { Metrics } from './metrics.ts';
import { Denials, History, type ProxyContext } from './proxy/context.ts';
import { newestKnown, serverState } from './proxy/revision.ts';
import { watchAuthority, watchPair } from './serve/certificates.ts';
import { Listeners } from './serve/listeners.ts';
import { describeGauges, serveStatus } from './status.ts';
import { describe, isTimeError } from './upstream/errors.ts';
import { Link } from './upstream/link.ts';
import { Transport } from './upstream/transport.ts';

/** A running proxy, as the node's process, tests and benchmarks hold it. */
export interface LiteApiserver {
  context: ProxyContext;
  listeners: Listeners;
  /** Resolves when every address is bound. */
  listening: Promise<void>;
  /** Writes what waits and closes everything. */
  stop(): Promise<void>;
}

const refreshMs = 1000;
const hourMs = 3_600_000;

/** Puts the parts together and starts them. `filters` come before the built-in ones; `now` is another clock, for tests. */
export async function startLiteApiserver(
  config: LiteApiserverConfig,
  { emit, filters = [], now }: { emit: Emit; filters?: readonly ResponseFilter[]; now?: () => number },
): Promise<LiteApiserver> {
  const log = (level: number, message: string) =>
    emit({ type: 'log', level, message, source: 'lite-apiserver' });
  const stopping = new AbortController();
  const serving = watchPair(config.serving.certificateFile, config.serving.keyFile);
  const credential = watchPair(config.upstream.clientCertificateFile, config.upstream.clientKeyFile);
  const authority = watchAuthority(config.upstream.caFile);
  const clientAuthority = config.clientCaFile === '' ? undefined : watchAuthority(config.clientCaFile);
  const { kubernetesService } = config.filters;
  const chain = [...filters, ...(kubernetesService ? [kubernetesServiceFilter(kubernetesService)] : [])];

  const clock = new NodeClock({
    // Beside the cache, which may be deleted.
    file: join(dirname(config.cache.directory), 'clock.json'),
    log: (message) => log(1, message),
    ...(now && { now }),
  });
  const transport = new Transport({
    servers: config.upstream.servers,
    authority,
    credential,
    onBytes: () => link.alive(),
    onError: (error, others) => link.failed(error, others),
  });
  let probed = transport.server;
  const link = new Link({
    ...config.link,
    probe(probeSignal) {
      probed = transport.server;
      return probe(transport, clock, probeSignal);
    },
    rotate: () => transport.rotate(probed),
    explain: (error) => (isTimeError(error) && clock.problem) || describe(error, new Date(clock.now())),
  });
  const context: ProxyContext = {
    config,
    link,
    transport,
    store: new Store({ ...config.cache, log: (message) => emit({ type: 'warning', message }) }),
    filters: new FilterChain(chain),
    metrics: new Metrics(),
    memory: new Memory(),
    later: new Later(),
    denials: new Denials(),
    history: new History(() => compareHistory(context)),
    clock,
    certificates: () =>
      Object.entries({ serving, 'kubelet-client': credential }).map(([name, files]) => ({
        name,
        notAfter: files.value?.notAfter.toISOString() ?? '',
        problem: files.problem ?? '',
        expired: expiredText(name, files.value?.notAfter, clock),
      })),
    log,
  };
  const { store } = context;
  const handler = new Handler(context, {
    nodeName: config.nodeName,
    publicKey: () => credential.value?.publicKey,
  });
  const listeners = new Listeners({ addresses: config.listen, serving, clientAuthority, handler, log });
  describeGauges(context, () => handler.watches);

  link.on('offline', (reason) => {
    context.later.run();
    transport.cut(reason);
    store.flush(true);
    emit({ type: 'warning', message: `offline: ${reason}` });
  });
  link.on('online', () => {
    log(1, `online: ${transport.server.origin}`);
    void context.history.recheck();
  });
  const timers = [
    setInterval(() => {
      transport.refresh();
      const renewed = serving.refresh();
      if (clientAuthority?.refresh() || renewed) listeners.renew();
    }, refreshMs),
    setInterval(() => {
      if (link.online) store.collectGarbage(`node:${config.nodeName}`);
    }, hourMs),
  ];
  const running = link.run(stopping.signal);
  const statusServer =
    config.statusSocket === ''
      ? undefined
      : await serveStatus(context, config.statusSocket).catch((error) => {
          log(1, `no status socket: ${(error as Error).message}`);
          return undefined;
        });
  return {
    context,
    listeners,
    listening: listeners.open(stopping.signal),
    stop: async () => {
      stopping.abort();
      timers.forEach(clearInterval);
      await listeners.close();
      context.later.run();
      transport.stop();
      statusServer?.close();
      await running;
      store.close();
    },
  };
}

const renewals: Record<string, string> = {
  serving: 'it is asked for anew as soon as the API server can be reached',
  'kubelet-client':
    'the kubelet presents it no more, so nothing answers it, and nothing starts after a reboot; with a link to the cloud: edgeadm certs renew kubelet --token TOKEN',
};

function expiredText(name: string, notAfter: Date | undefined, clock: NodeClock): string {
  if (!notAfter || clock.now() <= notAfter.getTime()) return '';
  return `the certificate ${name} expired on ${notAfter.toISOString()}: ${renewals[name]}`;
}

/** Any answer but a failure of the server counts: one that refuses is there all the same. */
async function probe(transport: Transport, clock: NodeClock, signal: AbortSignal): Promise<void> {
  const answer = await transport.send({
    method: 'GET',
    path: '/readyz',
    headers: ['accept', '*/*'],
    asNode: true,
    signal,
    probe: true,
  });
  answer.discard();
  clock.heard(answer.header('date'));
  if (answer.status >= 500) throw new Error(`the API server is not ready (status ${answer.status})`);
}

const historyPauseMs = 500;
const historyAttempts = 20;

async function compareHistory(context: ProxyContext): Promise<void> {
  const { link, transport, history, store, log } = context;
  const newest = newestKnown(context);
  if (newest === '') return;
  for (let attempt = 0; link.online && attempt < historyAttempts; attempt++) {
    const state = await serverState(context).catch(() => undefined);
    if (!state?.version) {
      if (transport.stopped) return;
      await setTimeout(historyPauseMs);
      continue;
    }
    const above = history.compare(state, newest);
    if (above !== undefined) {
      store.loseVersions(above);
      log(1, `the API server was restored: it lost what is newer than version ${above}, clients list again`);
    }
    return;
  }
}
