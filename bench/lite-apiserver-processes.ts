/** The processes that bench/lite-apiserver.ts measures: a fake API server and the proxy, bundled as it ships. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Authority, createCertificate } from '../test/fakes/pki.ts';
import { UpstreamApiserver } from '../test/fakes/upstream-apiserver.ts';

export interface Rig {
  directory: string;
  kubelet: Authority;
  authority: Authority;
  upstream: ChildProcess;
  proxy: ChildProcess;
  ports: { direct: number; proxied: number };
}

export const nodeName = 'bench-node';
/** As the unit of a node starts it, see docs/lite-apiserver.md. */
const flags = (process.env.BENCH_NODE_FLAGS ?? '--max-semi-space-size=1 --max-old-space-size=256').split(' ');

/** Bundles the proxy, makes certificates, starts the three processes. */
export async function start(): Promise<Rig> {
  const directory = mkdtempSync(join(process.env.BENCH_DIR ?? tmpdir(), 'lite-bench-'));
  const authority = createCertificate({ commonName: 'cluster-ca', ca: true });
  const kubelet = createCertificate({
    commonName: `system:node:${nodeName}`,
    organization: 'system:nodes',
    issuer: authority,
  });
  const serving = createCertificate({ commonName: 'serving', names: ['127.0.0.1'], issuer: authority });
  const file = (name: string, content: string) => {
    writeFileSync(join(directory, name), content, { mode: 0o600 });
    return join(directory, name);
  };
  const ca = file('ca.crt', authority.cert);
  const pair = {
    certificateFile: file('serving.crt', serving.cert),
    keyFile: file('serving.key', serving.key),
  };
  const upstream = spawn(
    process.execPath,
    [import.meta.filename, 'upstream', pair.certificateFile, pair.keyFile, ca],
    { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
  );
  const [{ port }] = (await once(upstream, 'message')) as [{ port: number }];
  const { build } = await import('esbuild');
  const entry = `import { readConfig } from ${JSON.stringify(join(import.meta.dirname, '../src/edge/lite-apiserver/config.ts'))};
    import { startLiteApiserver } from ${JSON.stringify(join(import.meta.dirname, '../src/edge/lite-apiserver/index.ts'))};
    const proxy = await startLiteApiserver(await readConfig(process.argv[2]), { emit: () => {} });
    await proxy.listening; await proxy.context.link.ready;
    process.on('SIGTERM', () => void proxy.stop());
    process.send({ port: proxy.listeners.bound[0].port });
    process.channel.unref();`;
  const bundle = join(directory, 'proxy.mjs');
  await build({
    stdin: { contents: entry, resolveDir: import.meta.dirname },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: bundle,
    logLevel: 'error',
  });
  const config = file(
    'config.json',
    JSON.stringify({
      nodeName,
      upstream: {
        servers: [`https://127.0.0.1:${port}`],
        caFile: ca,
        clientCertificateFile: file('kubelet.pem', kubelet.cert + kubelet.key),
      },
      listen: { addresses: ['127.0.0.1:0'] },
      serving: pair,
      cache: { directory: join(directory, 'cache') },
      statusSocket: '',
    }),
  );
  const proxy = spawn(process.execPath, [...flags, '--disable-warning=ExperimentalWarning', bundle, config], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const [{ port: proxied }] = (await once(proxy, 'message')) as [{ port: number }];
  return { directory, kubelet, authority, upstream, proxy, ports: { direct: port, proxied } };
}

/** The process of the fake API server: 5 MB of ConfigMaps, 110 pods, and changes on command. */
async function runUpstream(certificateFile: string, keyFile: string, caFile: string): Promise<void> {
  const [cert = '', key = '', ca = ''] = [certificateFile, keyFile, caFile].map((name) =>
    readFileSync(name, 'utf8'),
  );
  const server = new UpstreamApiserver({ cert, key }, ca);
  const meta = (name: string) => ({ name, namespace: 'default' });
  for (let i = 0; i < 1000; i++)
    server.put('configmaps', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: meta(`c${i}`),
      data: { text: `${i} `.repeat(950) },
    });
  const env = Array.from({ length: 40 }, (_, i) => ({ name: `VARIABLE_${i}`, value: `value ${i}` }));
  const putPod = (i: number, phase: string) =>
    server.put('pods', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: meta(`p${i}`),
      spec: { nodeName, containers: [{ name: 'c', image: 'x', env }] },
      status: { phase },
    });
  for (let i = 0; i < 110; i++) putPod(i, 'Running');
  const putNode = (name: string, beat: number) =>
    server.put('nodes', {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name },
      status: { conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: String(beat) }] },
    });
  for (let i = 0; i < 10; i++) putNode(i === 0 ? nodeName : `other-${i}`, 0);
  await server.start();
  const each = async (seconds: number, perSecond: number, act: (i: number) => void) => {
    const begin = performance.now();
    for (let i = 0; i < seconds * perSecond; ) {
      for (
        const due = ((performance.now() - begin) / 1000) * perSecond;
        i < due && i < seconds * perSecond;
        i++
      )
        act(i);
      await sleep(2);
    }
  };
  process.on('message', async (message: { do: string; seconds: number; eventsPerSecond: number }) => {
    const { seconds } = message;
    if (message.do === 'stream') {
      await each(seconds, message.eventsPerSecond, (i) =>
        server.put('endpoints', {
          apiVersion: 'v1',
          kind: 'Endpoints',
          metadata: meta(`e${i % 200}`),
          at: Date.now(),
          subsets: env,
        }),
      );
    } else if (message.do === 'heartbeats')
      await each(seconds, 5, (i) => putNode(i % 10 === 0 ? nodeName : `other-${i % 10}`, i + 1));
    else await each(seconds, 1, (i) => putPod(i % 110, `Phase${i}`));
    process.send?.({});
  });
  process.send?.({ port: Number(new URL(server.url).port) });
}

if (process.argv[2] === 'upstream')
  await runUpstream(process.argv[3] ?? '', process.argv[4] ?? '', process.argv[5] ?? '');
