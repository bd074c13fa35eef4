/**
 * lite-apiserver against the API server direct, side by side in one run on loopback: a fake API server, fake peers, the
 * process of an edge node (as it ships, with all that it does there) and the clients are a process each. Run alone, as
 * root: `node bench/lite-apiserver.ts`; prints JSON.
 */
import { type ChildProcess, execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { nodeName, type Rig, start } from './lite-apiserver-processes.ts';

export interface Percentiles {
  p50: number;
  p99: number;
}

export interface LiteApiserverFigures {
  /** Milliseconds of a GET at 100 requests/s, direct and through the proxy, interleaved. */
  get: { direct: Percentiles; proxied: Percentiles; added: Percentiles };
  /** MB/s of a 5 MB LIST, medians of interleaved runs; of what the client has in the end, also with gzip. */
  list: { megabytes: number; direct: number; proxied: number; directGzip: number; proxiedGzip: number };
  /** Milliseconds from the change to the client at so many events a second. */
  watch: { eventsPerSecond: number; events: number; direct: Percentiles; proxied: Percentiles };
  /** After a kubelet's watches for 110 pods are open. */
  idle: { watches: number; rssMegabytes: number; anonymousMegabytes: number; cpuPercent: number };
  /** Bytes to the disk per hour: with node heartbeats alone, and with changes each second. */
  disk: { idleBytesPerHour: number; busyBytesPerHour: number; busyLogicalBytesPerHour: number };
}

/** Runs all measurements in a network of their own, in about two and a half minutes. Needs to be root. */
export async function benchLiteApiserver(): Promise<LiteApiserverFigures> {
  const { stdout } = await promisify(execFile)('unshare', [
    '--net',
    process.execPath,
    import.meta.filename,
    'here',
  ]);
  return JSON.parse(stdout) as LiteApiserverFigures;
}

async function measure({ seconds = 10 } = {}): Promise<LiteApiserverFigures> {
  const rig = await start();
  try {
    // First, as lists of 5 MB leave some memory behind that is not a kubelet's.
    const idle = await benchIdle(rig, seconds * 2);
    const get = await benchGet(rig, seconds);
    const list = await benchList(rig, 15);
    const watch = await benchWatch(rig, 1000, seconds / 2);
    return { get, list, watch, idle, disk: await benchDisk(rig, seconds) };
  } finally {
    rig.stop();
    await sleep(500);
    rmSync(rig.directory, { recursive: true, force: true });
  }
}

/** Until V8 has compiled what it will: a proxy runs for months. */
const warmUps = 1000;

/** GETs at 100 a second, one direct and one through the proxy in turn. */
export async function benchGet(rig: Rig, seconds: number): Promise<LiteApiserverFigures['get']> {
  const agents = { direct: agent(rig), proxied: agent(rig) };
  const times = { direct: [] as number[], proxied: [] as number[] };
  const path = `/api/v1/nodes/${nodeName}`;
  for (const way of ['direct', 'proxied'] as const)
    for (let i = 0; i < warmUps; i++) await fetchBytes(rig, way, path, agents[way]);
  const begin = performance.now();
  for (let i = 0; i < seconds * 100; i++) {
    const way = i % 2 === 0 ? ('direct' as const) : ('proxied' as const);
    const started = performance.now();
    await fetchBytes(rig, way, path, agents[way]);
    times[way].push(performance.now() - started);
    await sleep(Math.max(0, begin + (i + 1) * 10 - performance.now()));
  }
  const [direct, proxied] = [percentiles(times.direct), percentiles(times.proxied)];
  return {
    direct,
    proxied,
    added: { p50: round(proxied.p50 - direct.p50), p99: round(proxied.p99 - direct.p99) },
  };
}

/** LISTs of 5 MB, in turn, with and without gzip. */
export async function benchList(rig: Rig, rounds: number): Promise<LiteApiserverFigures['list']> {
  const agents = { direct: agent(rig), proxied: agent(rig) };
  const rates: Record<string, number[]> = { direct: [], proxied: [], directGzip: [], proxiedGzip: [] };
  let size = 0;
  for (let i = 0; i < rounds + 3; i++) {
    for (const gzip of [false, true]) {
      for (const way of ['direct', 'proxied'] as const) {
        const started = performance.now();
        const bytes = await fetchBytes(rig, way, '/api/v1/configmaps', agents[way], gzip);
        const took = performance.now() - started;
        if (!gzip) size = bytes;
        if (i >= 3) rates[gzip ? `${way}Gzip` : way]?.push(1 / took);
        // The proxy reads a list a second time for its cache when the client has it; that is not the client's time.
        await sleep(300);
      }
    }
  }
  const median = (name: string) => percentiles(rates[name] ?? []).p50;
  const megabytes = size / 1e6;
  const rate = (name: string) => round(median(name) * 1000 * megabytes);
  return {
    ...{ megabytes: round(megabytes), direct: rate('direct'), proxied: rate('proxied') },
    ...{ directGzip: rate('directGzip'), proxiedGzip: rate('proxiedGzip') },
  };
}

/** A stream of changes, watched direct and through the proxy at the same time. */
export async function benchWatch(
  rig: Rig,
  eventsPerSecond: number,
  seconds: number,
): Promise<LiteApiserverFigures['watch']> {
  const lags = { direct: [] as number[], proxied: [] as number[] };
  const open = (['direct', 'proxied'] as const).map((way) =>
    openWatch(rig, way, watchPath('endpoints'), (event) => {
      const at = Number((event.object as { at?: number }).at ?? 0);
      if (at > 0) lags[way].push(Date.now() - at);
    }),
  );
  await Promise.all(open.map(({ synced }) => synced));
  await command(rig, { do: 'stream', eventsPerSecond, seconds });
  for (let i = 0; i < 100 && lags.proxied.length < lags.direct.length; i++) await sleep(20);
  for (const { close } of open) close();
  return {
    eventsPerSecond,
    events: lags.proxied.length,
    direct: percentiles(lags.direct),
    proxied: percentiles(lags.proxied),
  };
}

const settleMs = 70_000;

/** The watches of a kubelet with 110 pods, and of what else runs on an edge node. */
export async function benchIdle(rig: Rig, seconds: number): Promise<LiteApiserverFigures['idle']> {
  const paths = [
    'pods',
    'nodes',
    'services',
    'endpointslices',
    'csidrivers',
    'runtimeclasses',
    'namespaces',
  ].map((resource) => watchPath(resource));
  for (let i = 0; i < 40; i++) paths.push(watchPath('configmaps', `&fieldSelector=metadata.name%3Dc${i}`));
  const open = paths.map((path) => openWatch(rig, 'proxied', path, () => {}));
  await Promise.all(open.map(({ synced }) => synced));
  // By then it has looked at everything once, the verdict on the node included.
  await sleep(settleMs);
  const before = cpuSeconds(rig.proxy);
  await sleep(seconds * 1000);
  const cpuPercent = round(((cpuSeconds(rig.proxy) - before) / seconds) * 100);
  const status = readFileSync(`/proc/${rig.proxy.pid}/status`, 'utf8');
  const field = (name: string) => round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024);
  for (const { close } of open) close();
  return {
    watches: paths.length,
    rssMegabytes: field('VmRSS'),
    anonymousMegabytes: field('RssAnon'),
    cpuPercent,
  };
}

/** What reaches the disk while nodes only send heartbeats, and while a pod changes each second. */
export async function benchDisk(rig: Rig, seconds: number): Promise<LiteApiserverFigures['disk']> {
  const open = ['pods', 'nodes', 'endpointslices'].map((resource) =>
    openWatch(rig, 'proxied', watchPath(resource), () => {}),
  );
  await Promise.all(open.map(({ synced }) => synced));
  await sleep(3000);
  const measure = async (what: 'heartbeats' | 'changes') => {
    const before = [written(rig.proxy), await logicalBytes(rig)] as const;
    await command(rig, { do: what, seconds });
    await sleep(2500);
    const perHour = 3600 / (seconds + 2.5);
    return [
      Math.round((written(rig.proxy) - before[0]) * perHour),
      Math.round(((await logicalBytes(rig)) - before[1]) * perHour),
    ] as const;
  };
  const [idleBytesPerHour] = await measure('heartbeats');
  const [busyBytesPerHour, busyLogicalBytesPerHour] = await measure('changes');
  for (const { close } of open) close();
  return { idleBytesPerHour, busyBytesPerHour, busyLogicalBytesPerHour };
}

async function logicalBytes(rig: Rig): Promise<number> {
  const chunks: Buffer[] = [];
  await fetchBytes(rig, 'proxied', '/edge/status', agent(rig), false, chunks);
  return (JSON.parse(Buffer.concat(chunks).toString()) as { cache: { writtenBytes: number } }).cache
    .writtenBytes;
}

function watchPath(resource: string, more = ''): string {
  const root =
    {
      endpointslices: '/apis/discovery.k8s.io/v1',
      csidrivers: '/apis/storage.k8s.io/v1',
      runtimeclasses: '/apis/node.k8s.io/v1',
    }[resource] ?? '/api/v1';
  return `${root}/${resource}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true${more}`;
}

function agent(rig: Rig): https.Agent {
  return new https.Agent({
    keepAlive: true,
    ca: rig.authority.cert,
    cert: rig.kubelet.cert,
    key: rig.kubelet.key,
  });
}

function fetchBytes(
  rig: Rig,
  way: 'direct' | 'proxied',
  path: string,
  from: https.Agent,
  gzip = false,
  into?: Buffer[],
): Promise<number> {
  const headers = { accept: 'application/json', ...(gzip ? { 'accept-encoding': 'gzip' } : {}) };
  return new Promise((resolve, reject) => {
    https
      .get({ host: '127.0.0.1', port: rig.ports[way], path, agent: from, headers }, (answer) => {
        let size = 0;
        answer.on('data', (chunk: Buffer) => {
          size += chunk.length;
          into?.push(chunk);
        });
        answer.on('end', () =>
          answer.statusCode === 200 ? resolve(size) : reject(new Error(`status ${answer.statusCode}`)),
        );
        answer.on('error', reject);
      })
      .on('error', reject);
  });
}

function openWatch(
  rig: Rig,
  way: 'direct' | 'proxied',
  path: string,
  onEvent: (event: { type: string; object: unknown }) => void,
) {
  const ready = Promise.withResolvers<void>();
  const sent = https.get(
    {
      host: '127.0.0.1',
      port: rig.ports[way],
      path,
      agent: agent(rig),
      headers: { accept: 'application/json' },
    },
    (answer) => {
      let rest = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          const event = JSON.parse(line) as { type: string; object: unknown };
          if (event.type === 'BOOKMARK') ready.resolve();
          onEvent(event);
        }
      });
      answer.on('error', () => {});
    },
  );
  sent.on('error', ready.reject);
  return { synced: ready.promise, close: () => void sent.destroy() };
}

function percentiles(values: number[]): Percentiles {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return { p50: at(0.5) < 0.1 ? at(0.5) : round(at(0.5)), p99: at(0.99) < 0.1 ? at(0.99) : round(at(0.99)) };
}

const round = (value: number) => Math.round(value * 1000) / 1000;

function cpuSeconds({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function written({ pid }: ChildProcess): number {
  return Number(/^write_bytes: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1] ?? 0);
}

async function command({ upstream }: Rig, message: object): Promise<void> {
  upstream.send(message);
  await once(upstream, 'message');
}

if (import.meta.main) {
  const figures = await (process.argv[2] === 'here' ? measure() : benchLiteApiserver());
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
}
