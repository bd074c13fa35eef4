import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { KubeletWatch } from '../../../../src/edge/health/kubelet.ts';
import { type Outcome, Probe } from '../../../../src/edge/health/probe.ts';
import { type HealthServer, serveHealth } from '../../../../src/edge/health/server.ts';
import type { CertificatePair } from '../../../../src/edge/lite-apiserver/serve/certificates.ts';
import { type CertificateOptions, createCertificate, type KeyPair } from '../../../fakes/pki.ts';

const authority = createCertificate({ commonName: 'cluster-ca', ca: true });
const issue = (commonName: string, more: Partial<CertificateOptions> = {}) =>
  createCertificate({ commonName, organization: 'system:nodes', issuer: authority, ...more });
const pairOf = ({ cert, key }: KeyPair) => ({ certificate: cert, key }) as CertificatePair;
const never = new AbortController().signal;

async function serve(pair: KeyPair, online = true, kubelet = true): Promise<HealthServer> {
  const server = await serveHealth({
    nodeName: 'x',
    port: 0,
    pair: pairOf(pair),
    online: () => online,
    kubeletAlive: () => kubelet,
  });
  onTestFinished(() => server.close());
  return server;
}

/** A port that nobody listens on. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function probe(port: number, kubeletPort?: number, ca: string | undefined = authority.cert) {
  const made = new Probe(
    { name: 'edge-2', address: '127.0.0.1' },
    { port, kubeletPort: kubeletPort ?? (await closedPort()), authority: () => ca, timeoutMs: 10_000 },
  );
  onTestFinished(() => made.close());
  return made;
}

test('a peer proves itself with its certificate, and says whether it reaches the cloud', async () => {
  for (const online of [true, false]) {
    const { port } = await serve(issue('system:node:edge-2'), online);
    const made = await probe(port);
    for (let again = 0; again < 3; again++)
      expect(await made.run(never)).toMatchObject({ result: 'answered', online });
  }
});

test('nobody there is silence', async () => {
  expect(await (await probe(await closedPort())).run(never)).toEqual({ result: 'silent' });
});

test('nobody else can say that it lives: that is neither life nor death', async () => {
  const stranger = createCertificate({ commonName: 'other-ca', ca: true });
  const forged: [string, KeyPair][] = [
    ['another node', issue('system:node:edge-3')],
    ['another organization', createCertificate({ commonName: 'system:node:edge-2', issuer: authority })],
    [
      'signed by itself',
      createCertificate({ commonName: 'system:node:edge-2', organization: 'system:nodes' }),
    ],
    ['signed by another CA', issue('system:node:edge-2', { issuer: stranger })],
    ['expired', issue('system:node:edge-2', { notAfter: new Date(Date.now() - 1000) })],
    ['a name that begins the same', issue('system:node:edge-22')],
  ];
  for (const [what, pair] of forged) {
    const { port } = await serve(pair);
    expect((await (await probe(port)).run(never)).result, what).toBe('unproven');
  }
  const plain = createServer((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'));
  await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void plain.close());
  const { port } = plain.address() as { port: number };
  expect((await (await probe(port)).run(never)).result).not.toBe('answered');
});

test('its kubelet answers in place of its health part', async () => {
  const kubelet = await serve(issue('system:node:edge-2'));
  const made = await probe(await closedPort(), kubelet.port);
  expect(await made.run(never)).toEqual({ result: 'answered', online: undefined });
  const forged = await serve(issue('system:node:edge-3'));
  expect((await (await probe(await closedPort(), forged.port)).run(never)).result).toBe('unproven');
});

test('a node whose kubelet is dead is as good as none', async () => {
  const health = await serve(issue('system:node:edge-2'), true, false);
  expect(await (await probe(health.port)).run(never)).toEqual({ result: 'silent' });
  const kubelet = await serve(issue('system:node:edge-2'));
  expect((await (await probe(health.port, kubelet.port)).run(never)).result).toBe('answered');
});

test('a kubelet counts as dead only when it was seen alive', async () => {
  const port = await closedPort();
  const watch = new KubeletWatch(port);
  await watch.look();
  expect(watch.alive).toBe(true);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  await watch.look();
  await new Promise((resolve) => server.close(resolve));
  await watch.look();
  expect(watch.alive).toBe(false);
});

test('a certificate that ran out counts on with the same key, as nobody can renew it offline', async () => {
  const good = issue('system:node:edge-2');
  const expired = (more: Partial<CertificateOptions> = {}) =>
    pairOf(issue('system:node:edge-2', { notAfter: new Date(Date.now() - 1000), ...more }));
  const server = await serve(good);
  const made = await probe(server.port);
  for (const [pair, result] of [
    [pairOf(good), 'answered'],
    [expired({ privateKey: good.privateKey }), 'answered'],
    [expired(), 'unproven'],
  ] as const) {
    server.renew(pair);
    // A new connection shows the new certificate.
    made.close();
    expect((await made.run(never)).result).toBe(result);
  }
});

test('without a CA nothing is proven', async () => {
  const { port } = await serve(issue('system:node:edge-2'));
  const made = new Probe(
    { name: 'edge-2', address: '127.0.0.1' },
    { port, kubeletPort: port, authority: () => undefined, timeoutMs: 1000 },
  );
  const outcome: Outcome = await made.run(never);
  expect(outcome.result).toBe('unproven');
});
