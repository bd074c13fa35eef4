import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nodeName, pod, podsOfNode, Rig, rig, settled, until, watchList } from './rig.ts';

const path = '/api/v1/namespaces/a/configmaps';
const configMap = (name: string, v = 0, labels: Record<string, string> = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'a', labels },
  data: { v: String(v) },
});

test('events applied to the cache give what a list at that version gives, through cuts and restarts', {
  timeout: 60_000,
}, async () => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('put' as const),
        name: fc.integer({ min: 0, max: 5 }),
        label: fc.boolean(),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('remove' as const),
        name: fc.integer({ min: 0, max: 5 }),
        label: fc.boolean(),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        { do: 'drop' as const },
        { do: 'bookmark' as const },
        { do: 'offline' as const },
        { do: 'crash' as const },
      ),
    },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 25 }),
      fc.constantFrom('', '&labelSelector=x%3Dy'),
      async (steps, selector) => {
        const r = new Rig();
        try {
          await r.upstream.start();
          await r.start();
          await until(() => r.proxy.context.link.online);
          r.upstream.put('configmaps', configMap('first', 0, { x: 'y' }));
          let watch = await r.watch(`${path}?${watchList}${selector}`);
          await watch.until(({ events }) => events.some(({ type }) => type === 'BOOKMARK'));
          for (const [index, item] of steps.entries()) {
            if (item.do === 'put')
              r.upstream.put('configmaps', configMap(`c${item.name}`, index, item.label ? { x: 'y' } : {}));
            else if (item.do === 'remove') r.upstream.remove('configmaps', 'a', `c${item.name}`);
            else if (item.do === 'bookmark') r.upstream.bookmark();
            else if (item.do === 'drop') r.upstream.dropConnections();
            else if (item.do === 'offline') {
              await r.goOffline();
              await r.goOnline();
            } else {
              await r.restart();
              await until(() => r.proxy.context.link.online);
              watch.close();
              watch = await r.watch(`${path}?${watchList}${selector}`);
            }
          }
          const last = r.upstream.put('configmaps', configMap('last', 1, { x: 'y' }));
          await watch.until(({ events }) =>
            events.some(({ object }) => object.metadata.resourceVersion === last.metadata.resourceVersion),
          );
          const direct = await r.fetch(`${path}?${selector.slice(1)}`);
          await r.goOffline();
          const cached = await r.fetch(`${path}?${selector.slice(1)}`);
          const content = (list: {
            items: { metadata: { name: string; resourceVersion: string }; data: unknown }[];
          }) =>
            list.items.map(({ metadata, data }) => [metadata.name, metadata.resourceVersion, data]).sort();
          expect(content(cached.json)).toEqual(content(direct.json));
          expect(Number(cached.json.metadata.resourceVersion)).toBeGreaterThanOrEqual(
            Number(last.metadata.resourceVersion),
          );
          watch.close();
        } finally {
          await r.stop();
        }
      },
    ),
    { numRuns: 12 },
  );
});

test('a client sees every event once and in order over many cuts', async () => {
  const r = await rig();
  const watch = await r.watch(`${path}?${watchList}`);
  await watch.until(({ events }) => events.length === 1);
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 10; i++) r.upstream.put('configmaps', configMap(`c${round}-${i}`));
    if (round % 2 === 0) r.upstream.dropConnections();
    else {
      await r.goOffline();
      r.upstream.put('configmaps', configMap(`off${round}`));
      await r.goOnline();
    }
  }
  await watch.until(({ events }) => events.length === 1 + 50 + 2);
  const versions = watch.events.map(({ object }) => Number(object.metadata.resourceVersion));
  expect(versions).toEqual([...versions].sort((a, b) => a - b));
  expect(new Set(versions).size).toBe(versions.length);
  expect(r.upstream.seen.filter(({ url }) => url.includes('sendInitialEvents'))).toHaveLength(1);
});

test('410 on going on is passed to the client, which lists again', async () => {
  const r = await rig();
  r.upstream.put('configmaps', configMap('c'));
  const watch = await r.watch(`${path}?${watchList}`);
  await watch.until(({ events }) => events.length === 2);
  await r.goOffline();
  for (let i = 0; i < 5; i++) r.upstream.put('configmaps', configMap(`d${i}`));
  r.upstream.compactedTo = r.upstream.version;
  await r.goOnline();
  await watch.until(({ ended }) => ended);
  expect(watch.events.at(-1)).toMatchObject({ type: 'ERROR', object: { code: 410 } });
});

test('a plain watch offline: held at the version of the cache, 410 before it, held after it', async () => {
  const r = await rig();
  r.upstream.put('configmaps', configMap('c'));
  const list = await r.fetch(path);
  await settled(r, 1);
  const version = Number(list.json.metadata.resourceVersion);
  await r.goOffline();
  const watch = (from: number) => r.watch(`${path}?watch=true&resourceVersion=${from}&timeoutSeconds=60`);
  const old = await watch(version - 1);
  await old.until(({ ended }) => ended);
  expect(old.events).toMatchObject([{ type: 'ERROR', object: { code: 410, reason: 'Expired' } }]);
  const held = await Promise.all([watch(version), watch(version + 50)]);
  r.upstream.put('configmaps', configMap('d'));
  await r.goOnline();
  await held[0]?.until(({ events }) => events.length === 1);
  expect(held.map(({ ended }) => ended)).toEqual([false, false]);
});

test('a held watch ends when its time is over, without an error', async () => {
  const r = await rig();
  await r.fetch(path);
  await settled(r, 1);
  await r.goOffline();
  const watch = await r.watch(`${path}?watch=true&timeoutSeconds=1&resourceVersion=${r.upstream.version}`);
  await watch.until(({ ended }) => ended);
  expect(watch.events).toEqual([]);
});

test('a cache that was lost fills itself beside a watch that goes on, once', async () => {
  const r = await rig();
  for (let i = 0; i < 5; i++) r.upstream.put('configmaps', configMap(`c${i}`));
  const version = r.upstream.version;
  const watch = await r.watch(`${path}?watch=true&resourceVersion=${version}&allowWatchBookmarks=true`);
  r.upstream.put('configmaps', configMap('new'));
  await watch.until(({ events }) => events.length === 1);
  await settled(r, 1);
  r.upstream.put('configmaps', configMap('newer'));
  await watch.until(({ events }) => events.length === 2);
  expect(r.upstream.seen.filter(({ url }) => url.startsWith(path) && !url.includes('watch'))).toHaveLength(1);
  await r.goOffline();
  expect((await r.fetch(path)).json.items).toHaveLength(7);
});

test('two watches of one selection do not disturb each other', async () => {
  const r = await rig();
  r.upstream.put('configmaps', configMap('c'));
  const a = await r.watch(`${path}?${watchList}`);
  const b = await r.watch(`${path}?${watchList}`);
  await until(() => a.events.length === 2 && b.events.length === 2);
  r.upstream.put('configmaps', configMap('d'));
  r.upstream.remove('configmaps', 'a', 'c');
  await until(() => a.events.length === 4 && b.events.length === 4);
  a.close();
  r.upstream.put('configmaps', configMap('e'));
  await b.until(({ events }) => events.length === 5);
  await r.goOffline();
  expect(
    (await r.fetch(path)).json.items.map((item: { metadata: { name: string } }) => item.metadata.name),
  ).toEqual(['d', 'e']);
});

test('a control plane restored to an older state makes clients list again, and the cache follows', async () => {
  const r = await rig();
  r.upstream.put('pods', pod('a'));
  const watch = await r.watch(`${podsOfNode}&${watchList}`);
  await watch.until(({ events }) => events.length === 2);
  for (let i = 0; i < 20; i++) r.upstream.put('pods', pod(`p${i}`));
  await watch.until(({ events }) => events.length === 22);
  await r.goOffline();
  for (let i = 0; i < 20; i++) r.upstream.remove('pods', 'default', `p${i}`);
  r.upstream.version = 105;
  await r.goOnline();
  await watch.until(({ ended }) => ended);
  expect(watch.events.at(-1)).toMatchObject({ type: 'ERROR', object: { code: 410 } });
  const again = await r.watch(`${podsOfNode}&${watchList}`);
  await again.until(({ events }) => events.length === 2);
  await r.goOffline();
  const list = await r.fetch(podsOfNode);
  expect(list.json.metadata.resourceVersion).toBe('105');
  expect(list.json.items).toHaveLength(1);
});

test('… also one that asks just as the link is back', async () => {
  const r = await rig();
  for (let i = 0; i < 20; i++) r.upstream.put('pods', pod(`p${i}`));
  await r.fetch(podsOfNode);
  await settled(r, 1);
  const before = r.upstream.version;
  await r.goOffline();
  r.upstream.version = 105;
  // The comparison takes its time.
  r.upstream.delayMs = 500;
  await r.goOnline();
  const watch = await r.watch(`${podsOfNode}&watch=true&resourceVersion=${before}`);
  await watch.until(({ ended }) => ended);
  expect(watch.events.at(-1)).toMatchObject({ type: 'ERROR', object: { code: 410 } });
});

test('… also when only another group of the same API server was read after the backup', async () => {
  const r = await rig();
  r.upstream.put('pods', pod('a'));
  await r.fetch(podsOfNode);
  const slices = '/apis/discovery.k8s.io/v1/endpointslices';
  const slice = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' };
  const watch = await r.watch(`${slices}?${watchList}`);
  r.upstream.version = 110;
  r.upstream.put('endpointslices', { ...slice, metadata: { name: 's', namespace: 'default' } });
  await watch.until(({ events }) => events.length === 2);
  await r.goOffline();
  r.upstream.version = 105;
  await r.goOnline();
  await watch.until(({ ended }) => ended);
  expect(watch.events.at(-1)).toMatchObject({ type: 'ERROR', object: { code: 410 } });
});

/** A watch that has seen version 150, and a node whose Lease was renewed, with a backup from a minute ago. */
async function watched() {
  const r = await rig();
  const path = `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${nodeName}`;
  const lease = (secondsAgo: number) => ({
    ...{ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' },
    metadata: { name: nodeName, namespace: 'kube-node-lease' },
    spec: { renewTime: new Date(Date.now() - secondsAgo * 1000).toISOString() },
  });
  r.upstream.put('leases', lease(60));
  r.upstream.put('pods', pod('a'));
  const held = await r.watch(`${podsOfNode}&${watchList}`);
  await settled(r, 1);
  r.upstream.version = 150;
  r.upstream.bookmark();
  await held.until(({ events }) => events.length === 3);
  const renew = () => r.fetch(path, { method: 'PUT', body: '{}' });
  return { r, held, renew, lease };
}

test('… also when its versions have outgrown the lost ones: it does not know of a renewed Lease', async () => {
  const { r, held, renew } = await watched();
  await renew();
  await r.goOffline();
  r.upstream.version = 160;
  await r.goOnline();
  await held.until(({ ended }) => ended);
  expect(held.events.at(-1)).toMatchObject({ type: 'ERROR', object: { code: 410 } });
});

test('a Lease that is as it was renewed last is no sign of a restore', async () => {
  const { r, held, renew, lease } = await watched();
  await renew();
  r.upstream.put('leases', lease(0));
  await r.goOffline();
  r.upstream.version = 160;
  await r.goOnline();
  await r.proxy.context.history.checked;
  r.upstream.put('pods', pod('b'));
  await held.until(({ events }) => events.length === 4);
  expect(held.events[3]).toMatchObject({ type: 'ADDED' });
});

test('who has listed again goes on, though its version is one that was used before', async () => {
  const { r, held } = await watched();
  await r.goOffline();
  r.upstream.version = 140;
  await r.goOnline();
  await held.until(({ ended }) => ended);
  r.upstream.put('pods', pod('b'));
  await r.fetch(podsOfNode);
  const [collection] = [...r.proxy.context.store.collections];
  await until(() => collection?.version === '141');
  const again = await r.watch(`${podsOfNode}&watch=true&resourceVersion=141`);
  r.upstream.put('pods', pod('c'));
  await again.until(({ events }) => events.length === 1);
  expect(again.events[0]).toMatchObject({ type: 'ADDED' });
});

test('what was read by name of a state that was lost is not taken for newer than the state that was restored', async () => {
  const r = await rig();
  const one = '/api/v1/namespaces/default/pods/a';
  r.upstream.put('pods', pod('a', { text: 'backup' }));
  r.upstream.put('pods', pod('a', { text: 'lost' }));
  expect((await r.fetch(one)).json.text).toBe('lost');
  await r.fetch(podsOfNode);
  await settled(r, 1);
  await r.goOffline();
  r.upstream.version = 100;
  r.upstream.put('pods', pod('a', { text: 'backup' }));
  await r.goOnline();
  await r.proxy.context.history.checked;
  await r.fetch(podsOfNode);
  await until(() => [...r.proxy.context.store.collections][0]?.version === '101');
  await r.goOffline();
  expect((await r.fetch(one)).json.text).toBe('backup');
});

test('a state that was restored has its own version after a start, too, with objects that are the same', async () => {
  const r = await rig();
  r.upstream.version = 200;
  r.upstream.put('pods', pod('a'));
  await r.fetch(podsOfNode);
  await settled(r, 1);
  await r.goOffline();
  r.upstream.version = 100;
  r.upstream.put('pods', pod('a'));
  await r.goOnline();
  await r.fetch(podsOfNode);
  await until(() => [...r.proxy.context.store.collections][0]?.version === '101');
  await r.goOffline();
  await r.restart();
  expect((await r.fetch(podsOfNode)).json.metadata.resourceVersion).toBe('101');
});

test('a client that is slow holds its own stream back, not the others', async () => {
  const r = await rig();
  const slow = await r.watch(`${path}?${watchList}`);
  const quick = await r.watch(`/api/v1/configmaps?${watchList}`);
  const big = 'x'.repeat(100_000);
  for (let i = 0; i < 100; i++) r.upstream.put('configmaps', { ...configMap(`c${i}`), data: { big } });
  await quick.until(({ events }) => events.filter(({ type }) => type === 'ADDED').length === 100);
  await slow.until(({ events }) => events.filter(({ type }) => type === 'ADDED').length === 100);
});
