import { connect, type TLSSocket } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { createCertificate } from '../../../fakes/pki.ts';
import { nodeName, podsOfNode, type Rig, rig, until } from './rig.ts';

function upgrade(
  r: Rig,
  protocol: string,
  authorization: string,
): Promise<{ socket: TLSSocket; answer: () => string }> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: r.port, ca: r.authority.cert }, () => {
      socket.write(
        `POST /api/v1/namespaces/a/pods/p/exec?command=sh HTTP/1.1\r\nhost: x\r\n${authorization}connection: Upgrade\r\nupgrade: ${protocol}\r\n\r\n`,
      );
    });
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk;
      resolve({ socket, answer: () => answer });
    });
    socket.on('error', reject);
    onTestFinished(() => void socket.destroy());
  });
}

test.each(['SPDY/3.1', 'websocket'])(
  '%s connections are joined, with the identity of the caller',
  async (protocol) => {
    const r = await rig();
    r.upstream.tokens.set('t', 'someone');
    const { socket, answer } = await upgrade(r, protocol, 'authorization: Bearer t\r\n');
    expect(answer()).toMatch(new RegExp(`^HTTP/1.1 101 .*upgrade: ${protocol}`, 'is'));
    expect(answer()).toMatch(/x-stream-protocol-version/);
    socket.write('hello');
    await until(() => answer().endsWith('echo hello'));
    expect(r.upstream.seen.at(-1)).toMatchObject({ commonName: '', authorization: 'Bearer t' });
  },
);

test('an upgrade needs an identity and a link, and a refusal is passed on', async () => {
  const r = await rig();
  expect((await upgrade(r, 'SPDY/3.1', '')).answer()).toMatch(/^HTTP\/1.1 401/);
  expect((await upgrade(r, 'SPDY/3.1', 'authorization: Bearer unknown\r\n')).answer()).toMatch(
    /^HTTP\/1.1 401/,
  );
  r.upstream.tokens.set('t', 'someone');
  await r.fetch(podsOfNode, { as: { token: 't' } });
  await r.goOffline();
  expect((await upgrade(r, 'SPDY/3.1', 'authorization: Bearer t\r\n')).answer()).toMatch(/^HTTP\/1.1 503/);
});

test('a large body goes up and comes down as it is', async () => {
  const r = await rig();
  const body = 'y'.repeat(3 << 20);
  const path = '/api/v1/namespaces/a/configmaps/large/status';
  const sent = await r.fetch(path, { method: 'PUT', body });
  expect(sent.status).toBe(200);
  expect(sent.json).toEqual({ kind: 'Echo', method: 'PUT', body });
});

test('requests that come before their turn are answered in order', async () => {
  const r = await rig();
  r.upstream.tokens.set('t', 'someone');
  const socket = connect({ host: '127.0.0.1', port: r.port, ca: r.authority.cert });
  onTestFinished(() => void socket.destroy());
  let answers = '';
  socket.on('data', (chunk) => {
    answers += chunk;
  });
  const put = (name: string) =>
    `PUT /api/v1/namespaces/a/configmaps/${name} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer t\r\ncontent-length: 5\r\n\r\n${name}`;
  socket.write(`${put('first')}${put('other')}${put('third')}`);
  await until(() => /third/.test(answers));
  expect(answers.match(/"body":"[a-z]*"/g)).toEqual(['"body":"first"', '"body":"other"', '"body":"third"']);
});

const peer = (r: Rig) =>
  new Promise<string>((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: r.port, ca: r.authority.cert }, () => {
      resolve(socket.getPeerX509Certificate()?.serialNumber ?? '');
      socket.destroy();
    });
    socket.on('error', reject);
  });

test('a serving certificate that was rotated is used for new connections, old ones go on', async () => {
  const r = await rig();
  const watch = await r.watch(`${podsOfNode}&watch=true&resourceVersion=100`);
  const before = await peer(r);
  const next = createCertificate({ commonName: 'next', names: ['127.0.0.1'], issuer: r.authority });
  r.write('serving.crt', next.cert);
  await new Promise((resolve) => setTimeout(resolve, 1200));
  expect(await peer(r)).toBe(before);
  r.write('serving.key', next.key);
  await until(async () => (await peer(r)) !== before);
  expect(watch.ended).toBe(false);
});

test('a kubelet certificate that was rotated is used upstream', async () => {
  const r = await rig();
  await r.fetch(podsOfNode);
  const before = r.upstream.seen.at(-1)?.serial;
  const rotated = createCertificate({
    commonName: `system:node:${nodeName}`,
    organization: 'system:nodes',
    issuer: r.authority,
  });
  r.write('kubelet.pem', rotated.cert + rotated.key);
  await until(async () => {
    expect((await r.fetch(podsOfNode)).status).toBe(200);
    return r.upstream.seen.at(-1)?.serial !== before;
  });
  expect(r.upstream.seen.at(-1)?.commonName).toBe(`system:node:${nodeName}`);
});

test('a certificate that is not there yet is waited for', async () => {
  const { Rig: Made } = await import('./rig.ts');
  const { rmSync, readFileSync } = await import('node:fs');
  const { startLiteApiserver } = await import('../../../../src/edge/lite-apiserver/index.ts');
  const r = new Made();
  onTestFinished(() => r.stop());
  await r.upstream.start();
  const certificate = readFileSync(`${r.directory}/serving.crt`, 'utf8');
  rmSync(`${r.directory}/serving.crt`);
  r.proxy = await startLiteApiserver(r.config(), { emit: (event) => r.events.push(event) });
  await until(() =>
    r.events.some((event) => event.type === 'log' && /no serving certificate yet/.test(event.message)),
  );
  expect(r.proxy.listeners.bound).toEqual([]);
  r.write('serving.crt', certificate);
  await r.proxy.listening;
  expect((await r.fetch(podsOfNode)).status).toBe(200);
});
