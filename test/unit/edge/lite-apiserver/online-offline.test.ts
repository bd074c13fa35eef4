import { expect, test } from 'vitest';
import { pod, podsOfNode, rig, until, watchList } from './rig.ts';

test('a list is passed on online and served from the cache offline, byte for byte the same objects', async () => {
  const { upstream, ...r } = await start();
  for (let i = 0; i < 30; i++) upstream.put('pods', pod(`p${i}`));
  const online = await r.rig.fetch(`${podsOfNode}&limit=5&resourceVersion=0`);
  expect(online.status).toBe(200);
  expect(online.json.items).toHaveLength(30);
  expect(upstream.seen.at(-1)?.url).not.toContain('limit');
  await r.cached(1);
  await r.rig.goOffline();
  const offline = await r.rig.fetch(podsOfNode);
  expect(offline.status).toBe(200);
  expect(offline.json.kind).toBe('PodList');
  expect(offline.json.metadata.resourceVersion).toBe(online.json.metadata.resourceVersion);
  const names = (list: { items: { metadata: { name: string } }[] }) =>
    list.items.map(({ metadata }) => metadata.name).sort();
  expect(names(offline.json)).toEqual(names(online.json));
  expect(offline.text).not.toContain('managedFields');
});

test('a watch list is answered from the cache with the annotated bookmark', async () => {
  const { rig: r, upstream } = await start();
  upstream.put('pods', pod('a'));
  const online = await r.watch(`${podsOfNode}&${watchList}`);
  await online.until(({ events }) => events.length === 2);
  upstream.put('pods', pod('b'));
  await online.until(({ events }) => events.length === 3);
  online.close();
  await r.goOffline();
  const offline = await r.watch(`${podsOfNode}&${watchList}`);
  await offline.until(({ events }) => events.some(({ type }) => type === 'BOOKMARK'));
  expect(offline.events.map(({ type }) => type)).toEqual(['ADDED', 'ADDED', 'BOOKMARK']);
  expect(offline.events[2]?.object.metadata).toEqual({
    resourceVersion: String(upstream.version),
    annotations: { 'k8s.io/initial-events-end': 'true' },
  });
  expect(offline.events[0]?.object).toMatchObject({ apiVersion: 'v1', kind: 'Pod' });
  expect(offline.ended).toBe(false);
});

test('a watch is held while offline and goes on upstream on the same stream', async () => {
  const { rig: r, upstream } = await start();
  upstream.put('pods', pod('a'));
  const watch = await r.watch(`${podsOfNode}&${watchList}`);
  await watch.until(({ events }) => events.length === 2);
  await r.goOffline();
  expect(watch.ended).toBe(false);
  upstream.put('pods', pod('b'));
  upstream.remove('pods', 'default', 'a');
  await r.goOnline();
  await watch.until(({ events }) => events.length === 4);
  expect(watch.events.slice(2).map(({ type, object }) => [type, object.metadata.name])).toEqual([
    ['ADDED', 'b'],
    ['DELETED', 'a'],
  ]);
  expect(watch.ended).toBe(false);
  const lists = upstream.seen.filter(({ url }) => url.includes('sendInitialEvents'));
  expect(lists).toHaveLength(1);
});

test('silent packet loss is found, and what waits is answered from the cache', async () => {
  const { rig: r, upstream } = await start({ link: { probeIntervalMs: 200, probeTimeoutMs: 1000 } });
  upstream.put('pods', pod('a'));
  await r.fetch(podsOfNode);
  await until(() => [...r.proxy.context.store.collections].length === 1);
  upstream.silence();
  const answer = await r.fetch(podsOfNode);
  expect(answer.status).toBe(200);
  expect(answer.headers['x-edge-cache']).toBe('offline');
  expect(r.proxy.context.link.online).toBe(false);
});

async function start(more: Record<string, unknown> = {}) {
  const made = await rig(more);
  const cached = (count: number) =>
    until(
      () => [...made.proxy.context.store.collections].filter(({ complete }) => complete).length === count,
    );
  return { rig: made, upstream: made.upstream, cached };
}

test('a proxy that is stopped asks nothing any more, and leaves no connection open', async () => {
  const r = await rig();
  await r.fetch(podsOfNode);
  for (let count = 0; count < 5; count++) await r.watch(`/api/v1/pods?${watchList}`);
  await r.proxy.stop();
  await until(() => r.upstream.openConnections === 0);
  await expect(
    r.proxy.context.transport.send({ method: 'GET', path: '/readyz', headers: [], asNode: true }),
  ).rejects.toThrow('the proxy is stopping');
});
