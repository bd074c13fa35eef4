import { describe, expect, test } from 'vitest';
import { pod, podsOfNode, rig, settled, until, watchList } from './rig.ts';

const configMap = (name: string, data: Record<string, string> = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'a' },
  data,
});
const path = (name: string) => `/api/v1/namespaces/a/configmaps/${name}`;
const one = (name: string) => `/api/v1/namespaces/a/configmaps?fieldSelector=metadata.name%3D${name}`;

describe('what the API server says is passed on', () => {
  test.each([[403], [404], [401]])('%i is never masked by the cache', async (status) => {
    const r = await rig();
    r.upstream.put('configmaps', configMap('c'));
    r.upstream.tokens.set('t', 'someone');
    const as = { token: 't' };
    expect((await r.fetch(path('c'), { as })).status).toBe(200);
    expect((await r.fetch('/api/v1/namespaces/a/configmaps', { as })).status).toBe(200);
    await settled(r, 1);
    if (status === 403) r.upstream.deny.add(path('c')).add('/api/v1/namespaces/a/configmaps');
    else if (status === 401) r.upstream.tokens.clear();
    else r.upstream.remove('configmaps', 'a', 'c');
    expect((await r.fetch(path('c'), { as })).status).toBe(status);
    expect((await r.fetch('/api/v1/namespaces/a/configmaps', { as })).status).toBe(
      status === 404 ? 200 : status,
    );
  });

  test('protobuf gives way to JSON for what is cached, and stays for the rest', async () => {
    const r = await rig();
    const accept = 'application/vnd.kubernetes.protobuf,application/json';
    await r.fetch(podsOfNode, { headers: { accept } });
    expect(r.upstream.seen.at(-1)?.accept).toBe('application/json');
    await r.fetch('/api/v1/events', { headers: { accept } });
    expect(r.upstream.seen.at(-1)?.accept).toBe(accept);
    await r.fetch('/api/v1/namespaces/a/pods', { method: 'POST', body: 'x', headers: { accept } });
    expect(r.upstream.seen.at(-1)).toMatchObject({ accept, body: 'x', method: 'POST' });
  });

  test('tables are forwarded and not kept', async () => {
    const r = await rig();
    await r.fetch('/api/v1/pods', {
      headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' },
    });
    await r.fetch('/api/v1/nodes');
    await settled(r, 1);
    await r.goOffline();
    expect((await r.fetch('/api/v1/pods')).status).toBe(503);
  });

  test('a large list keeps its compression and is cached', async () => {
    const r = await rig();
    for (let i = 0; i < 300; i++)
      r.upstream.put('configmaps', configMap(`c${i}`, { text: 'x'.repeat(1000) }));
    const answer = await r.fetch('/api/v1/namespaces/a/configmaps', {
      headers: { 'accept-encoding': 'gzip' },
    });
    expect(answer.headers['content-encoding']).toBe('gzip');
    await settled(r, 1);
    await r.goOffline();
    expect((await r.fetch('/api/v1/namespaces/a/configmaps')).json.items).toHaveLength(300);
  });
});

describe('offline', () => {
  test('what was not read is 503, not 404, and a write says when to come back', async () => {
    const r = await rig();
    await r.goOffline();
    const read = await r.fetch(path('c'));
    expect(read.status).toBe(503);
    expect(read.headers['retry-after']).toBeUndefined();
    expect((await r.fetch('/api/v1/pods')).status).toBe(503);
    expect((await r.watch(`/api/v1/pods?${watchList}`)).status).toBe(503);
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      const write = await r.fetch(path('c'), { method, body: '{}' });
      expect(write.status).toBe(503);
      expect(write.headers['retry-after']).toBe('5');
      expect(write.json).toMatchObject({
        kind: 'Status',
        status: 'Failure',
        reason: 'ServiceUnavailable',
        code: 503,
        details: { retryAfterSeconds: 5 },
      });
    }
  });

  test('an optional ConfigMap that was not there is not there', async () => {
    const r = await rig();
    expect((await r.fetch(path('optional'))).status).toBe(404);
    expect((await r.fetch('/api/v1/nodes/n')).status).toBe(404);
    await r.goOffline();
    const absent = await r.fetch(path('optional'));
    expect(absent.status).toBe(404);
    expect(absent.json).toMatchObject({ kind: 'Status', reason: 'NotFound' });
    expect((await r.fetch('/api/v1/nodes/n')).status).toBe(503);
  });

  test('an optional ConfigMap that came later is there', async () => {
    const r = await rig();
    await r.fetch(path('late'));
    const watch = await r.watch(`${one('late')}&${watchList}`);
    await watch.until(({ events }) => events.length === 1);
    r.upstream.put('configmaps', configMap('late'));
    await watch.until(({ events }) => events.length === 2);
    await r.goOffline();
    expect((await r.fetch(path('late'))).status).toBe(200);
  });

  test('what is deleted upstream leaves the cache', async () => {
    const r = await rig();
    r.upstream.put('configmaps', configMap('c'));
    await r.fetch(path('c'));
    const watch = await r.watch(`/api/v1/namespaces/a/configmaps?${watchList}`);
    await watch.until(({ events }) => events.length === 2);
    r.upstream.remove('configmaps', 'a', 'c');
    await watch.until(({ events }) => events.length === 3);
    await r.goOffline();
    expect((await r.fetch(path('c'))).status).toBe(503);
    expect((await r.fetch('/api/v1/namespaces/a/configmaps')).json.items).toEqual([]);
  });

  test('a GET is answered from a collection of the same identity, the newest copy', async () => {
    const r = await rig();
    r.upstream.tokens.set('t', 'someone');
    r.upstream.put('configmaps', configMap('c', { v: '1' }));
    await r.fetch(path('c'));
    const watch = await r.watch(`/api/v1/configmaps?${watchList}`);
    await watch.until(({ events }) => events.length === 2);
    r.upstream.put('configmaps', configMap('c', { v: '2' }));
    await watch.until(({ events }) => events.length === 3);
    await r.fetch('/api/v1/nodes', { as: { token: 't' } });
    await settled(r, 2);
    await r.goOffline();
    expect((await r.fetch(path('c'))).json).toMatchObject({
      kind: 'ConfigMap',
      apiVersion: 'v1',
      data: { v: '2' },
    });
    expect((await r.fetch(path('c'), { as: { token: 't' } })).status).toBe(503);
    expect((await r.fetch('/api/v1/namespaces/a/configmaps')).json.items).toHaveLength(1);
  });

  test('selectors, namespaces and resources are told apart', async () => {
    const r = await rig();
    r.upstream.put('configmaps', configMap('x'));
    r.upstream.put('configmaps', configMap('y'));
    for (const name of ['x', 'y']) await r.fetch(one(name));
    await settled(r, 2);
    await r.goOffline();
    for (const name of ['x', 'y'])
      expect(
        (await r.fetch(one(name))).json.items.map(
          (item: { metadata: { name: string } }) => item.metadata.name,
        ),
      ).toEqual([name]);
    expect((await r.fetch('/api/v1/namespaces/a/configmaps')).status).toBe(503);
    expect((await r.fetch('/api/v1/namespaces/b/configmaps?fieldSelector=metadata.name%3Dx')).status).toBe(
      503,
    );
    expect((await r.fetch('/api/v1/namespaces/a/secrets?fieldSelector=metadata.name%3Dx')).status).toBe(503);
    expect(
      (await r.fetch('/api/v1/namespaces/a/configmaps?fieldSelector=metadata.name%3D%3Dx')).json.items,
    ).toHaveLength(1);
  });

  test('a refusal that lasts ends what was kept for a pod, not for the node', async () => {
    const r = await rig();
    r.upstream.tokens.set('t', 'someone');
    r.upstream.put('configmaps', configMap('c'));
    const lists = async () => [
      await r.fetch('/api/v1/configmaps'),
      await r.fetch('/api/v1/configmaps', { as: { token: 't' } }),
    ];
    await lists();
    await settled(r, 2);
    r.upstream.deny.add('/api/v1/configmaps');
    await lists();
    expect([...r.proxy.context.store.collections]).toHaveLength(2);
    const { denials } = r.proxy.context;
    const refused = denials.refused.bind(denials);
    denials.refused = (key) => refused(key) || true;
    await lists();
    expect([...r.proxy.context.store.collections].map(({ key }) => key.identity)).toEqual(['node:edge-1']);
  });

  test('everything is there after a start without a link', async () => {
    const r = await rig();
    r.upstream.put('pods', pod('a'));
    const watch = await r.watch(`${podsOfNode}&${watchList}`);
    await watch.until(({ events }) => events.length === 2);
    r.upstream.put('pods', pod('b'));
    await watch.until(({ events }) => events.length === 3);
    await r.upstream.refuse();
    await r.restart();
    expect(r.proxy.context.link.online).toBe(false);
    const again = await r.watch(`${podsOfNode}&${watchList}`);
    await again.until(({ events }) => events.length === 3);
    expect(again.events.map(({ type }) => type)).toEqual(['ADDED', 'ADDED', 'BOOKMARK']);
  });
});

describe('pods', () => {
  const ended = (name: string, restartPolicy: string, reason?: string) =>
    pod(name, {
      spec: { nodeName: 'edge-1', restartPolicy },
      status: { phase: 'Failed', ...(reason ? { reason } : {}) },
    });
  const phases = async (r: Awaited<ReturnType<typeof rig>>) =>
    Object.fromEntries(
      (await r.fetch(podsOfNode)).json.items.map(
        (item: { metadata: { name: string }; status: { phase: string } }) => [
          item.metadata.name,
          item.status.phase,
        ],
      ),
    );

  test('the end of a pod that must always run is not kept unless the cloud replaces it; that of a Job is', async () => {
    const r = await rig();
    for (const name of ['always', 'evicted']) r.upstream.put('pods', pod(name));
    r.upstream.put('pods', pod('job', { spec: { nodeName: 'edge-1', restartPolicy: 'Never' } }));
    const watch = await r.watch(`${podsOfNode}&${watchList}`);
    await watch.until(({ events }) => events.length === 4);
    r.upstream.put('pods', ended('always', 'Always', 'Terminated'));
    r.upstream.put('pods', ended('evicted', 'Always', 'Evicted'));
    r.upstream.put('pods', ended('job', 'Never'));
    r.upstream.put('pods', ended('unseen', 'Always'));
    await watch.until(({ events }) => events.length === 8);
    await r.goOffline();
    expect(await phases(r)).toEqual({
      always: 'Running',
      evicted: 'Failed',
      job: 'Failed',
      unseen: 'Pending',
    });
  });

  test('a Job that ends while offline has ended after a reboot; its client lists again when the link is back', async () => {
    const r = await rig();
    r.upstream.put('pods', pod('job', { spec: { nodeName: 'edge-1', restartPolicy: 'OnFailure' } }));
    r.upstream.put('pods', pod('always'));
    const watch = await r.watch(`${podsOfNode}&${watchList}`);
    await watch.until(({ events }) => events.length === 3);
    await r.goOffline();
    for (const name of ['job', 'always']) {
      const body = JSON.stringify({ status: { phase: 'Succeeded', containerStatuses: [{ name: 'c' }] } });
      const patch = await r.fetch(`/api/v1/namespaces/default/pods/${name}/status`, {
        method: 'PATCH',
        body,
      });
      expect(patch.status).toBe(503);
    }
    await r.restart();
    expect(await phases(r)).toEqual({ job: 'Succeeded', always: 'Running' });
    const held = await r.watch(`${podsOfNode}&${watchList}`);
    await held.until(({ events }) => events.length === 3);
    await r.goOnline();
    await held.until(({ ended: over }) => over);
    expect(held.events.at(-1)).toMatchObject({ type: 'ERROR', object: { code: 410 } });
    const fresh = await r.watch(`${podsOfNode}&${watchList}`);
    await fresh.until(({ events }) => events.length === 3);
    await until(() => [...r.proxy.context.store.collections].every(({ overlaid }) => !overlaid));
  });
});
