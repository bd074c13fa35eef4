import { expect, test } from 'vitest';
import { specOf } from '../../../../src/edge/lite-apiserver/proxy/token.ts';
import { decodeTokenRequest } from '../../../../src/edge/lite-apiserver/wire/protobuf.ts';
import { pod, podsOfNode, type Rig, rig, until, watchList } from './rig.ts';

const path = '/api/v1/namespaces/a/serviceaccounts/app/token';

/** Wire form of the fields that a kubelet sends, made by hand from generated.proto. */
const field = (number: number, content: Buffer | string) => {
  const bytes = Buffer.from(content);
  return Buffer.concat([Buffer.from([number * 8 + 2, bytes.length]), bytes]);
};

function protobuf(uid: string, audiences: string[] = []): Buffer {
  const reference = Buffer.concat([field(1, 'Pod'), field(2, 'v1'), field(3, 'p'), field(4, uid)]);
  // expirationSeconds = 3607 as a varint.
  const spec = Buffer.concat([
    ...audiences.map((audience) => field(1, audience)),
    field(3, reference),
    Buffer.from([0x20, 0x97, 0x1c]),
  ]);
  const raw = Buffer.concat([field(1, Buffer.alloc(0)), field(2, spec), field(3, Buffer.alloc(0))]);
  const type = Buffer.concat([field(1, 'authentication.k8s.io/v1'), field(2, 'TokenRequest')]);
  return Buffer.concat([Buffer.from('k8s\0'), field(1, type), field(2, raw), field(3, ''), field(4, '')]);
}

const json = (uid: string, audiences?: string[]) =>
  JSON.stringify({
    spec: {
      ...(audiences ? { audiences } : {}),
      expirationSeconds: 3607,
      boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'p', uid },
    },
  });

const ask = (r: Rig, body: string | Buffer, more = {}) =>
  r.fetch(path, {
    method: 'POST',
    body,
    headers: {
      'content-type': typeof body === 'string' ? 'application/json' : 'application/vnd.kubernetes.protobuf',
      accept: 'application/vnd.kubernetes.protobuf,application/json',
    },
    ...more,
  });

test('a TokenRequest is read from protobuf and JSON alike; anything else is not understood', () => {
  const spec = {
    audiences: ['x'],
    expirationSeconds: 3607,
    boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'p', uid: 'u' },
  };
  expect(decodeTokenRequest(protobuf('u', ['x']))).toEqual(spec);
  expect(specOf(Buffer.from(json('u', ['x'])), 'application/json')).toEqual(spec);
  for (const bad of [
    Buffer.from('k8s\0'),
    Buffer.from('k8s\0\xff\xff\xff', 'latin1'),
    Buffer.from(''),
    protobuf('u').subarray(0, 30),
  ]) {
    expect(decodeTokenRequest(bad)).toBeUndefined();
  }
  expect(specOf(Buffer.from('{"spec":{"audiences":[1]}}'), 'application/json')).toBeUndefined();
});

test('offline the last real token is given again, expiring soon, and never for anything else', async () => {
  const r = await rig();
  await ask(r, protobuf('u1'));
  const second = await ask(r, protobuf('u1'));
  expect(second.status).toBe(201);
  expect(r.upstream.seen.at(-1)?.accept).toBe('application/json');
  await r.goOffline();
  const again = await ask(r, json('u1'));
  expect(again.status).toBe(201);
  expect(again.json.status.token).toBe(second.json.status.token);
  expect(again.json.spec.expirationSeconds).toBe(3607);
  const left = Date.parse(again.json.status.expirationTimestamp) - Date.now();
  expect(left).toBeGreaterThan(60_000);
  expect(left).toBeLessThan(600_000);
  for (const other of [json('u2'), json('u1', ['vault']), '{"spec":{}}', 'x'])
    expect((await ask(r, other)).status).toBe(503);
  expect(
    (await r.fetch('/api/v1/namespaces/b/serviceaccounts/app/token', { method: 'POST', body: json('u1') }))
      .status,
  ).toBe(503);
});

test('a pod cannot get the token of another one offline', async () => {
  const r = await rig();
  const issued = await ask(r, json('u1'));
  await r.goOffline();
  const { token } = issued.json.status;
  expect((await ask(r, json('u1'), { as: { token } })).status).toBe(503);
  expect((await ask(r, json('u1'), { as: 'nobody' })).status).toBe(401);
});

test('an issued token is good offline although it was never used, but not one for other audiences', async () => {
  const r = await rig();
  const plain = await ask(r, json('u1'));
  await r.fetch('/api/v1/configmaps', { as: { token: plain.json.status.token } });
  const rotated = await ask(r, json('u1'));
  const vault = await ask(r, json('u1', ['vault']));
  await until(() => [...r.proxy.context.store.collections].some(({ complete }) => complete));
  await r.goOffline();
  expect((await r.fetch('/api/v1/configmaps', { as: { token: rotated.json.status.token } })).status).toBe(
    200,
  );
  expect((await r.fetch('/api/v1/configmaps', { as: { token: vault.json.status.token } })).status).toBe(401);
});

test('tokens survive a start without a link, and go with their pod', async () => {
  const r = await rig();
  const stored = r.upstream.put('pods', pod('p'));
  const uid = String(stored.metadata.uid);
  const watch = await r.watch(`${podsOfNode}&${watchList}`);
  await watch.until(({ events }) => events.length === 2);
  await ask(r, json(uid));
  await r.upstream.refuse();
  await r.restart();
  expect((await ask(r, json(uid))).status).toBe(201);
  await r.goOnline();
  const again = await r.watch(`${podsOfNode}&${watchList}`);
  await again.until(({ events }) => events.length === 2);
  r.upstream.remove('pods', 'default', 'p');
  await again.until(({ events }) => events.length === 3);
  await r.goOffline();
  expect((await ask(r, json(uid))).status).toBe(503);
});

test('a refusal by the API server is passed on and nothing is kept', async () => {
  const r = await rig();
  r.upstream.deny.add(path);
  expect((await ask(r, json('u1'))).status).toBe(403);
  await r.goOffline();
  expect((await ask(r, json('u1'))).status).toBe(503);
});

test('a body that is no TokenRequest at all is limited', async () => {
  const r = await rig();
  expect((await ask(r, 'x'.repeat(300_000))).status).toBe(413);
});
