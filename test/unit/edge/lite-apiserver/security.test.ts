import { connect } from 'node:tls';
import { expect, test } from 'vitest';
import { createCertificate } from '../../../fakes/pki.ts';
import { nodeName, pod, podsOfNode, type Rig, rig, settled, watchList } from './rig.ts';

const token = (sub: string, jti = '1') =>
  `x.${Buffer.from(JSON.stringify({ iss: 'fake', sub, jti })).toString('base64url')}.y`;

test('without certificate and token nobody is served, and nothing reaches the API server', async () => {
  const r = await rig();
  const answer = await r.fetch(podsOfNode, { as: 'nobody' });
  expect(answer.status).toBe(401);
  expect(answer.json).toMatchObject({ kind: 'Status', reason: 'Unauthorized' });
  for (const authorization of ['Basic YTpi', 'Bearer', 'Bearer  ', 'bearer']) {
    expect((await r.fetch(podsOfNode, { as: 'nobody', headers: { authorization } })).status).toBe(401);
  }
  expect(r.upstream.seen).toEqual([]);
});

test.each([
  ['another node of the cluster', 'system:node:edge-2', 'system:nodes', true],
  ['the right name in another group', `system:node:${nodeName}`, 'system:masters', true],
  ['the right name without a group', `system:node:${nodeName}`, undefined, true],
  ['an administrator', 'kubernetes-admin', 'system:masters', true],
  ['a forged certificate with our name', `system:node:${nodeName}`, 'system:nodes', false],
])('a client certificate of %s is no identity', async (_name, commonName, organization, ofCluster) => {
  const r = await rig();
  const issuer = ofCluster ? r.authority : createCertificate({ commonName: 'cluster-ca', ca: true });
  const { cert, key } = createCertificate({ commonName, ...(organization ? { organization } : {}), issuer });
  expect((await r.fetch(podsOfNode, { as: { cert, key } })).status).toBe(401);
  expect(r.upstream.seen).toEqual([]);
  r.upstream.tokens.set(token('a'), 'a');
  expect((await r.fetch(podsOfNode, { as: { cert, key, token: token('a') } })).status).toBe(200);
  expect(r.upstream.seen.at(-1)).toMatchObject({ commonName: '', authorization: `Bearer ${token('a')}` });
});

test('the node is itself upstream, and only the node', async () => {
  const r = await rig();
  r.upstream.tokens.set(token('a'), 'a');
  await r.fetch(podsOfNode, {
    headers: { authorization: 'Bearer stolen', 'x-remote-user': 'admin', 'x-remote-group': 'system:masters' },
  });
  expect(r.upstream.seen.at(-1)).toMatchObject({ commonName: `system:node:${nodeName}`, authorization: '' });
  expect(
    Object.keys(r.upstream.seen.at(-1)?.headers ?? {}).filter((name) => name.startsWith('x-remote')),
  ).toEqual([]);
  await r.fetch(podsOfNode, {
    as: { token: token('a') },
    headers: { 'x-remote-user': 'admin', connection: 'close, authorization' },
  });
  expect(r.upstream.seen.at(-1)).toMatchObject({ commonName: '', authorization: `Bearer ${token('a')}` });
  expect(r.upstream.seen.at(-1)?.headers['x-remote-user']).toBeUndefined();
});

test('offline a token that was never accepted is refused, an accepted one reads what its identity has read', async () => {
  const r = await rig();
  r.upstream.put('configmaps', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'own', namespace: 'a' },
  });
  r.upstream.put('secrets', { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', namespace: 'a' } });
  const sub = 'system:serviceaccount:a:app';
  r.upstream.tokens.set(token(sub), sub);
  expect((await r.fetch('/api/v1/namespaces/a/secrets/s')).status).toBe(200);
  expect((await r.fetch('/api/v1/namespaces/a/configmaps', { as: { token: token(sub) } })).status).toBe(200);
  expect((await r.fetch('/api/v1/namespaces/a/configmaps', { as: { token: token('other') } })).status).toBe(
    401,
  );
  await settled(r, 1);
  await r.goOffline();
  expect(
    (await r.fetch('/api/v1/namespaces/a/configmaps', { as: { token: token(sub) } })).json.items,
  ).toHaveLength(1);
  expect((await r.fetch('/api/v1/namespaces/a/secrets/s', { as: { token: token(sub) } })).status).toBe(503);
  expect(
    (await r.fetch('/api/v1/namespaces/a/configmaps', { as: { token: token(sub, 'forged') } })).status,
  ).toBe(401);
  expect((await r.fetch('/api/v1/namespaces/a/configmaps', { as: { token: token('other') } })).status).toBe(
    401,
  );
  expect(
    (await r.watch(`/api/v1/namespaces/a/configmaps?${watchList}`, { as: { token: token(sub, 'forged') } }))
      .status,
  ).toBe(401);
  expect((await r.fetch('/api/v1/namespaces/a/configmaps', { as: 'nobody' })).status).toBe(401);
});

test('accepted tokens are known after a restart, by hash only', async () => {
  const r = await rig();
  r.upstream.tokens.set(token('sub'), 'sub');
  await r.fetch(podsOfNode, { as: { token: token('sub') } });
  await settled(r, 1);
  await r.upstream.refuse();
  await r.restart();
  expect((await r.fetch(podsOfNode, { as: { token: token('sub') } })).status).toBe(200);
  const { readFileSync } = await import('node:fs');
  expect(readFileSync(r.proxy.context.store.db.file).includes(token('sub'))).toBe(false);
});

test('an expired client certificate: refused online, good offline for the key on disk only', async () => {
  const r = await rig();
  r.upstream.put('pods', pod('a'));
  await r.fetch(podsOfNode);
  await settled(r, 1);
  const past = new Date(Date.now() - 1000);
  const before = new Date(Date.now() - 86_400_000);
  const expired = () =>
    createCertificate({
      commonName: `system:node:${nodeName}`,
      organization: 'system:nodes',
      issuer: r.authority,
      notBefore: before,
      notAfter: past,
    });
  const own = expired();
  const foreign = expired();
  r.write('kubelet.pem', own.cert + own.key);
  r.proxy.context.transport.refresh();
  expect((await r.fetch(podsOfNode, { as: own })).status).toBe(401);
  await r.goOffline();
  expect((await r.fetch(podsOfNode, { as: own })).json.items).toHaveLength(1);
  expect((await r.fetch(podsOfNode, { as: foreign })).status).toBe(401);
});

test('an answer to an impersonated request is not kept', async () => {
  const r = await rig();
  r.upstream.tokens.set(token('sub'), 'sub');
  const as = { token: token('sub') };
  await r.fetch(podsOfNode, { as, headers: { 'impersonate-user': 'admin' } });
  expect(r.upstream.seen.at(-1)?.headers['impersonate-user']).toBe('admin');
  await r.fetch('/api/v1/nodes', { as });
  await settled(r, 1);
  await r.goOffline();
  expect((await r.fetch(podsOfNode, { as })).status).toBe(503);
  expect((await r.fetch('/api/v1/nodes', { as, headers: { 'impersonate-user': 'admin' } })).status).toBe(503);
});

test.each([
  '/api/v1//namespaces/a/configmaps/c',
  '/api/v1/namespaces/a%2fconfigmaps/c',
  '/api/v1/namespaces/a/configmaps/x%2F..%2Fc',
  '/api/v1/namespaces/b/../a/configmaps/c',
  '/api/v1/namespaces/a/./configmaps/c',
  '/api/v1/namespaces/a/configmaps/c/',
  '/api/v1/namespaces/a/configmaps/c;x',
  '/api/v1/namespaces/a/configmaps/%63',
  '//api/v1/namespaces/a/configmaps/c',
  '/api/v1/watch/namespaces/a/configmaps/c',
  '/api/v1/namespaces/a/configmaps/c?x=1',
  '/api/v1/namespaces/a/configmaps/c?resourceVersion=1&resourceVersion=2',
  '/api/v1/namespaces/a/configmaps?fieldSelector=metadata.name%3Dc&fieldSelector=x%3Dy',
])('%s goes as it is and never meets the cache', async (path) => {
  const r = await rig();
  r.upstream.put('configmaps', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'c', namespace: 'a' },
  });
  await r.fetch('/api/v1/namespaces/a/configmaps/c');
  await r.fetch('/api/v1/namespaces/a/configmaps');
  await settled(r, 1);
  await r.fetch(path);
  expect(r.upstream.seen.at(-1)?.url).toBe(path);
  r.proxy.context.store.flush();
  const before = r.proxy.context.store.entries.count();
  await r.goOffline();
  expect((await r.fetch(path)).status).toBe(503);
  expect(r.proxy.context.store.entries.count()).toBe(before);
});

test('logs, exec and watches on subresources are never kept', async () => {
  const r = await rig();
  for (const path of [
    '/api/v1/namespaces/a/pods/p/log',
    '/api/v1/namespaces/a/pods/p/status',
    '/apis/apps/v1/namespaces/a/deployments/d/scale?watch=true',
  ]) {
    await r.fetch(path);
    expect(r.upstream.seen.at(-1)?.url).toBe(path);
  }
  await r.goOffline();
  for (const path of ['/api/v1/namespaces/a/pods/p/log', '/api/v1/namespaces/a/pods/p/status'])
    expect((await r.fetch(path)).status).toBe(503);
});

async function raw(r: Rig, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(
      { host: '127.0.0.1', port: r.port, ca: r.authority.cert, cert: r.kubelet.cert, key: r.kubelet.key },
      () => socket.write(text),
    );
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
    socket.setTimeout(5000, () => socket.destroy(new Error('no end')));
  });
}

test.each([
  [
    'an absolute URL',
    'GET http://evil.example/api/v1/secrets HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
    /^HTTP\/1.1 400/,
  ],
  ['CONNECT', 'CONNECT 10.0.0.1:22 HTTP/1.1\r\nhost: x\r\n\r\n', /^HTTP\/1.1 405/],
  ['huge headers', `GET / HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(70_000)}\r\n\r\n`, /^HTTP\/1.1 431/],
  [
    'two lengths',
    'POST /api/v1/pods HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    /^HTTP\/1.1 400/,
  ],
  ['no HTTP', 'hello\r\n\r\n', /^HTTP\/1.1 400/],
])('%s is turned away', async (_name, text, expected) => {
  const r = await rig();
  expect(await raw(r, text)).toMatch(expected);
  expect(r.upstream.seen).toEqual([]);
});

test('status and metrics are for the node only', async () => {
  const r = await rig();
  r.upstream.tokens.set(token('sub'), 'sub');
  expect((await r.fetch('/edge/status', { as: { token: token('sub') } })).status).toBe(403);
  expect((await r.fetch('/edge/status', { as: 'nobody' })).status).toBe(401);
  expect((await r.fetch('/edge/status')).json).toMatchObject({ node: nodeName, online: true });
  expect((await r.fetch('/edge/metrics')).text).toMatch(/^lite_apiserver_online 1$/m);
});

test('the cache is for root alone', async () => {
  const r = await rig();
  const { statSync } = await import('node:fs');
  const { file } = r.proxy.context.store.db;
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(`${r.directory}/cache`).mode & 0o777).toBe(0o700);
});

test('the status socket answers root without a certificate', async () => {
  const { statSync } = await import('node:fs');
  const { readStatus } = await import('../../../../src/edge/lite-apiserver/status-client.ts');
  const r = await rig();
  const statusSocket = `${r.directory}/status.sock`;
  await r.restart({ statusSocket });
  expect(statSync(statusSocket).mode & 0o777).toBe(0o600);
  await r.fetch(podsOfNode);
  await settled(r, 1);
  const status = await readStatus(statusSocket);
  expect(status).toMatchObject({
    node: nodeName,
    online: true,
    reason: '',
    cache: { problem: '', setAside: '' },
  });
  expect(status.resources).toMatchObject([
    { identity: `node:${nodeName}`, resource: 'pods', selector: `spec.nodeName=${nodeName}`, complete: true },
  ]);
  await r.goOffline();
  expect(await readStatus(statusSocket)).toMatchObject({
    online: false,
    reason: expect.stringContaining('ECONNREFUSED'),
  });
  await expect(readStatus(`${r.directory}/none.sock`)).rejects.toThrow(/ENOENT/);
});
