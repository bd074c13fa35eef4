import { expect, onTestFinished, test } from 'vitest';
import type { CertificatePair } from '../../../../src/edge/lite-apiserver/serve/certificates.ts';
import type { WatchedFiles } from '../../../../src/edge/lite-apiserver/serve/files.ts';
import { describe as explain } from '../../../../src/edge/lite-apiserver/upstream/errors.ts';
import { Link, type LinkOptions } from '../../../../src/edge/lite-apiserver/upstream/link.ts';
import { Transport } from '../../../../src/edge/lite-apiserver/upstream/transport.ts';
import { createCertificate } from '../../../fakes/pki.ts';
import { UpstreamApiserver } from '../../../fakes/upstream-apiserver.ts';
import { podsOfNode, Rig, rig, settled, until } from './rig.ts';

function link(probe: LinkOptions['probe'], more: Partial<LinkOptions> = {}): Link {
  const made = new Link({
    probeIntervalMs: 10,
    probeTimeoutMs: 60,
    misses: 2,
    probe,
    rotate: () => {},
    ...more,
  });
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  void made.run(stop.signal);
  return made;
}

const refused = () =>
  Promise.reject(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }));
const silent = (signal: AbortSignal) =>
  new Promise<void>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

test('one lost probe is no outage, two are', async () => {
  let lose = 0;
  const l = link((signal) => (lose-- > 0 ? silent(signal) : Promise.resolve()));
  await l.ready;
  lose = 1;
  await until(() => lose < 0);
  expect(l.online).toBe(true);
  lose = 2;
  await until(() => lose < 0);
  await until(() => l.transitions >= 2);
});

test('a refused connection counts at once, one success is enough', async () => {
  let up = false;
  const l = link(() => (up ? Promise.resolve() : refused()));
  await l.ready;
  expect(l.online).toBe(false);
  up = true;
  await until(() => l.online);
  l.failed(Object.assign(new Error('connect EHOSTUNREACH'), { code: 'EHOSTUNREACH' }), false);
  expect(l.online).toBe(false);
  await until(() => l.online);
  l.failed(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }), false);
  expect(l.online).toBe(true);
  l.failed(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }), true);
  expect(l.online).toBe(true);
});

test('a link that is busy and slow is not taken for a dead one', async () => {
  let answer = true;
  const l = link((signal) => (answer ? Promise.resolve() : silent(signal)));
  await l.ready;
  answer = false;
  const busy = setInterval(() => l.alive(), 5);
  onTestFinished(() => clearInterval(busy));
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(l.online).toBe(true);
  clearInterval(busy);
  await until(() => !l.online);
  expect(l.reason).toMatch(/no answer/);
});

test('a wrong clock is said by name', async () => {
  const now = new Date('1970-01-01T00:00:10Z');
  expect(
    explain(Object.assign(new Error('certificate is not yet valid'), { code: 'CERT_NOT_YET_VALID' }), now),
  ).toMatch(/1970-01-01.*clock/);
  const r = new Rig();
  onTestFinished(() => r.stop());
  const notBefore = new Date(Date.now() + 86_400_000);
  const late = createCertificate({
    commonName: 'kube-apiserver',
    names: ['127.0.0.1'],
    issuer: r.authority,
    notBefore,
    notAfter: new Date(Date.now() + 2 * 86_400_000),
  });
  Object.assign(r, { upstream: new UpstreamApiserver(late, r.authority.cert) });
  await r.upstream.start();
  await r.start();
  expect(r.proxy.context.link.online).toBe(false);
  expect(r.proxy.context.link.reason).toMatch(/clock of this node is probably wrong/);
});

test('the next API server is taken when one is gone', async () => {
  const r = new Rig();
  const second = new UpstreamApiserver(
    createCertificate({ commonName: 'kube-apiserver', names: ['127.0.0.1'], issuer: r.authority }),
    r.authority.cert,
  );
  onTestFinished(() => r.stop());
  onTestFinished(() => second.stop());
  await r.upstream.start();
  await second.start();
  await r.start({ upstream: { ...r.config().upstream, servers: [r.upstream.url, second.url] } });
  expect((await r.fetch(podsOfNode)).status).toBe(200);
  await r.upstream.refuse();
  const answer = await r.fetch(podsOfNode);
  expect(answer.status).toBe(200);
  expect(answer.headers['x-edge-cache']).toBeUndefined();
  await until(() => r.proxy.context.link.online);
  expect((await r.fetch('/api/v1/namespaces/a/pods', { method: 'POST', body: '{}' })).status).toBe(201);
  expect(second.seen.length).toBeGreaterThan(0);
  await r.upstream.heal();
});

test('a probe and a request that find the same API server gone take the next one once', async () => {
  const { upstream, authority } = await rig();
  const gone = 'https://127.0.0.1:1';
  const transport = new Transport({
    servers: [gone, upstream.url],
    authority: { value: authority.cert } as WatchedFiles<string>,
    credential: { value: undefined } as WatchedFiles<CertificatePair>,
    onBytes: () => {},
    onError: () => {},
  });
  onTestFinished(() => transport.cut('the test is over'));
  const probed = transport.server;
  const failing = transport.send({ method: 'GET', path: '/readyz', headers: [], asNode: false });
  transport.rotate(probed);
  transport.rotate(probed);
  expect(transport.server.origin).toBe(upstream.url);
  expect((await failing).status).toBe(200);
  expect(upstream.openConnections).toBeGreaterThan(0);
});

test('flapping: every request gets an answer, and the end is online', async () => {
  const r = await rig();
  r.upstream.put('pods', {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'a', namespace: 'a' },
    spec: { nodeName: 'edge-1' },
  });
  await r.fetch(podsOfNode);
  await settled(r, 1);
  const seen: number[] = [];
  let over = false;
  const asking = (async () => {
    while (!over) seen.push((await r.fetch(podsOfNode)).status);
  })();
  for (let i = 0; i < 6; i++) {
    await r.goOffline();
    await r.goOnline();
  }
  over = true;
  await asking;
  expect(new Set(seen)).toEqual(new Set([200]));
});
