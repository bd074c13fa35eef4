/**
 * The processes that bench/lite-apiserver.ts measures, in a network of their own: an edge node's process as it ships, with
 * all that it does on a node, a fake API server, and fake peers.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { liteApiserverDocument, liteApiserverUnitText } from '../phases/node/lite-apiserver.ts';
import { bundle } from '../src/package/program/bundle.ts';
import { LAUNCHER } from '../src/package/program/launcher.ts';
import { type Authority, createCertificate } from '../test/fakes/pki.ts';
import type { PeersFacts } from './lite-apiserver-peers.ts';
import type { UpstreamFacts } from './lite-apiserver-upstream.ts';

export interface Rig {
  directory: string;
  kubelet: Authority;
  authority: Authority;
  upstream: ChildProcess;
  proxy: ChildProcess;
  ports: { direct: number; proxied: number };
  stop(): void;
}

export const nodeName = 'bench-node';
const port = 51003;
const healthPort = 51005;
/** Edge nodes of the same site. */
const peerCount = 9;
const startTimeoutMs = 30_000;

/** Bundles the program, makes certificates, starts the processes. */
export async function start(): Promise<Rig> {
  const directory = mkdtempSync(join(process.env.BENCH_DIR ?? tmpdir(), 'lite-bench-'));
  const authority = createCertificate({ commonName: 'cluster-ca', ca: true });
  const identity = (name: string, names: string[] = []) =>
    createCertificate({
      commonName: `system:node:${name}`,
      organization: 'system:nodes',
      names,
      issuer: authority,
    });
  const kubelet = identity(nodeName);
  const peers = Array.from({ length: peerCount }, (_, i) => ({
    name: `peer-${i}`,
    address: `10.99.0.${i + 10}`,
  }));
  const file = (name: string, content: string | object) => {
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    writeFileSync(join(directory, name), text, { mode: 0o600 });
    return join(directory, name);
  };
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  // Looked at by the health part; in this process, as it does nothing.
  const kubeletPort = net.createServer((socket) => socket.destroy()).listen(10250, '127.0.0.1');

  const other = (script: string, facts: UpstreamFacts | PeersFacts, before: string[] = []) => {
    const command = [
      ...before,
      process.execPath,
      join(import.meta.dirname, script),
      file(`${script}.json`, facts),
    ];
    return spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  };
  const neighbours = other(
    'lite-apiserver-peers.ts',
    {
      port: healthPort,
      peers: peers.map((peer) => ({ ...peer, ...pem(identity(peer.name, [peer.address])) })),
    },
    ['unshare', '--net'],
  );
  await connect(
    neighbours.pid!,
    peers.map(({ address }) => address),
  );
  neighbours.send({});
  const upstream = other('lite-apiserver-upstream.ts', {
    nodeName,
    serving: pem(createCertificate({ commonName: 'apiserver', names: ['127.0.0.1'], issuer: authority })),
    authority: { ...pem(authority), subject: authority.subject.toString('base64') },
    peers,
  });
  const [[{ port: direct }]] = (await Promise.all([
    once(upstream, 'message'),
    once(neighbours, 'message'),
  ])) as [[{ port: number }], unknown];

  const program = join(directory, 'edgeadm');
  await bundle(program);
  const document = liteApiserverDocument({
    nodeName,
    servers: [`https://127.0.0.1:${direct}`],
    virtualAddress: '169.254.20.11',
    service: { address: '10.96.0.1', port: 443 },
    serviceSubnets: ['10.96.0.0/12'],
    dnsDomain: 'cluster.local',
    health: true,
  });
  const config = file('config.yaml', {
    ...document,
    upstream: {
      servers: [`https://127.0.0.1:${direct}`],
      caFile: file('ca.crt', authority.cert),
      clientCertificateFile: file('kubelet.pem', kubelet.cert + kubelet.key),
    },
    serving: {
      certificateFile: join(directory, 'pki/serving.pem'),
      request: { names: ['kubernetes.default.svc'], addresses: ['127.0.0.1'] },
    },
    cache: { directory: join(directory, 'cache') },
    health: { port: healthPort, peersFile: join(directory, 'peers.json') },
    statusSocket: join(directory, 'status.sock'),
  });
  writeFileSync(join(program, 'edgeadm'), LAUNCHER, { mode: 0o755 });
  symlinkSync(process.execPath, join(program, 'node'));
  const proxy = spawn(join(program, 'edgeadm'), ['lite-apiserver', '--config', config, '-v=1'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { PATH: process.env.PATH, ...unitEnvironment() },
  });
  const rig: Rig = {
    ...{ directory, kubelet, authority, upstream, proxy, ports: { direct, proxied: port } },
    stop: () => {
      proxy.kill('SIGTERM');
      for (const child of [upstream, neighbours]) child.kill('SIGKILL');
      kubeletPort.close();
    },
  };
  await listening(rig);
  return rig;
}

const pem = ({ cert, key }: Authority) => ({ cert, key });

/** What systemd gives the process on a node; `BENCH_ENVIRONMENT` (JSON) changes it, for experiments; '' is unset. */
function unitEnvironment(): Record<string, string> {
  const lines = liteApiserverUnitText.matchAll(/^Environment="?(\w+)=([^"\n]*)"?$/gm);
  const environment: Record<string, string> = {
    ...Object.fromEntries([...lines].map(([, name = '', value = '']) => [name, value])),
    ...JSON.parse(process.env.BENCH_ENVIRONMENT ?? '{}'),
  };
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
}

/** A pair of links into the network of another process, with addresses there. */
async function connect(pid: number, addresses: readonly string[]): Promise<void> {
  const ip = (...args: string[]) => execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const there = (...args: string[]) =>
    execFileSync('nsenter', ['--target', String(pid), '--net', 'ip', ...args]);
  // `unshare` has not come to its new network when it was only just started.
  for (let tries = 0; readNetwork(pid) === readNetwork(process.pid) && tries < 100; tries++) await sleep(20);
  ip('link', 'add', 'bench0', 'type', 'veth', 'peer', 'name', 'bench1', 'netns', String(pid));
  ip('address', 'add', '10.99.0.1/24', 'dev', 'bench0');
  ip('link', 'set', 'bench0', 'up');
  for (const address of addresses) there('address', 'add', `${address}/24`, 'dev', 'bench1');
  there('link', 'set', 'bench1', 'up');
}

const readNetwork = (pid: number): string => readlinkSync(`/proc/${pid}/ns/net`);

/** Until the node's process has a certificate, listens and has found the API server. */
async function listening({ authority, kubelet, ports }: Rig): Promise<void> {
  const ask = () =>
    new Promise<boolean>((resolve) => {
      const options = { host: '127.0.0.1', port: ports.proxied, path: '/edge/status', agent: false as const };
      https
        .get({ ...options, ca: authority.cert, cert: kubelet.cert, key: kubelet.key }, (answer) => {
          answer.resume();
          resolve(answer.statusCode === 200);
        })
        .on('error', () => resolve(false));
    });
  const ends = performance.now() + startTimeoutMs;
  while (!(await ask())) {
    if (performance.now() > ends) throw new Error('the process of the node does not answer');
    await sleep(100);
  }
}
