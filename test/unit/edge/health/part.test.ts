import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { edgeHealthPart } from '../../../../src/edge/health/part.ts';
import { formatPeers, parseVote, peersKey, voteAnnotation } from '../../../../src/edge/health/protocol.ts';
import type { NodeProcess } from '../../../../src/edge/node/part.ts';
import { nodeName, type Rig, rig, until } from '../lite-apiserver/rig.ts';

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
/** Connecting to it fails at once. */
const nowhere = '255.255.255.255';

function run(r: Rig, log: string[] = []): string[] {
  const stop = new AbortController();
  const node: NodeProcess = {
    config: r.proxy.context.config,
    proxy: r.proxy,
    signal: stop.signal,
    emit: () => {},
    log: (message) => log.push(message),
    warn: (message) => log.push(message),
  };
  const running = edgeHealthPart.run(node);
  onTestFinished(async () => {
    stop.abort();
    await running;
  });
  return log;
}

const tell = (r: Rig, peers: { name: string; address: string }[]) =>
  r.upstream.put('configmaps', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: nodeName, namespace: 'edgeadm-health' },
    data: { [peersKey]: formatPeers({ probeSeconds: 0.01, peers }) },
  });

const votes = (r: Rig) =>
  r.upstream.seen
    .filter(({ method, url }) => method === 'PATCH' && url === `/apis/storage.k8s.io/v1/csinodes/${nodeName}`)
    .map(({ body, commonName, headers }) => ({
      commonName,
      type: headers['content-type'],
      unreachable: parseVote(JSON.parse(body).metadata.annotations[voteAnnotation])?.unreachable,
    }));

test('a node votes as itself for a peer that nobody answers for, and not for one that it cannot prove', async () => {
  const r = await rig({ health: { port: await freePort() } });
  const peersFile = join(r.directory, 'peers.json');
  r.proxy.context.config.health!.peersFile = peersFile;
  tell(r, [
    { name: 'dead', address: nowhere },
    // This node's own health part answers there, which is not who is asked for.
    { name: 'forged', address: '127.0.0.1' },
  ]);
  run(r);
  await until(() => votes(r).length > 0);
  expect(votes(r)).toEqual([
    { commonName: `system:node:${nodeName}`, type: 'application/merge-patch+json', unreachable: ['dead'] },
  ]);
  expect(JSON.parse(readFileSync(peersFile, 'utf8')).peers).toHaveLength(2);

  await r.goOffline();
  tell(r, []);
  await r.goOnline();
  await until(() => votes(r).length > 1);
  expect(votes(r)[1]?.unreachable).toEqual([]);
});

test('it is off without its section, and knows its peers without the cloud', async () => {
  const off = await rig();
  await edgeHealthPart.run({ config: off.proxy.context.config, proxy: off.proxy } as NodeProcess);

  const r = await rig({ health: { port: await freePort() } });
  r.proxy.context.config.health!.peersFile = r.write(
    'peers.json',
    formatPeers({ probeSeconds: 0.01, peers: [{ name: 'dead', address: nowhere }] }),
  );
  await r.goOffline();
  const log = run(r);
  await until(() => log.includes('edge health: peer dead is unreachable'));
  expect(votes(r)).toEqual([]);
});
