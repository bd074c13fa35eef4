import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Fill } from '../../../../src/edge/lite-apiserver/cache/collection.ts';
import { Store } from '../../../../src/edge/lite-apiserver/cache/store.ts';
import { nodeName, podsOfNode, rig, watchList } from './rig.ts';
import { directory, fillWith, key, object, open, type } from './store-objects.ts';

describe('crash safety', () => {
  test('killed in the middle of writes, each state is one that was whole', { timeout: 60_000 }, async () => {
    const path = directory();
    let seen = 0;
    for (let round = 0; round < 8; round++) {
      const child = spawn(
        process.execPath,
        ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'crash-writer.ts'), path],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      let output = '';
      await new Promise<void>((resolve) => {
        child.stdout.on('data', (chunk) => {
          output += chunk;
          if (output.split('\n').length > 3 + round) setTimeout(() => child.kill('SIGKILL'), round * 3);
        });
        child.on('exit', () => resolve());
      });
      const committed = Number(output.trim().split('\n').at(-1));
      const log: string[] = [];
      const store = new Store({
        directory: path,
        flushIntervalMs: 1000,
        maxBytes: 1 << 30,
        unusedDays: 7,
        log: (message) => log.push(message),
      });
      const collection = store.collections.find(key('pods'));
      const rows = collection && store.collections.read(collection);
      expect(log).toEqual([]);
      expect(Number(collection?.version)).toBeGreaterThanOrEqual(committed);
      const rounds = new Set(
        rows
          ?.filter(({ name }) => name !== 'extra')
          .map(({ body }) => (JSON.parse(body) as { round: number }).round),
      );
      expect(rounds.size).toBe(1);
      expect(rows?.length).toBe(collection?.members);
      seen += rows?.length ?? 0;
      store.close();
    }
    expect(seen).toBeGreaterThan(300);
  });
});

describe('what is written', () => {
  const heartbeat = (version: number, time: string, ready = 'True') =>
    object('n', version, {
      status: { conditions: [{ type: 'Ready', status: ready, lastHeartbeatTime: time }] },
    });

  test('heartbeats and versions alone are not, changes are', () => {
    const store = open(directory());
    const collection = store.collections.ensure(key('nodes'));
    const fill = new Fill(1 << 20);
    fill.add(heartbeat(10, '1'), { apiVersion: 'v1', kind: 'Node' }, false);
    store.collections.replace(collection, fill, '10', { apiVersion: 'v1', kind: 'Node' });
    const before = store.db.logicalBytes;
    for (let i = 11; i < 100; i++) {
      store.collections.apply(collection, { type: 'MODIFIED', object: heartbeat(i, String(i)) });
      store.flush();
    }
    store.collections.apply(collection, {
      type: 'BOOKMARK',
      object: { metadata: { resourceVersion: '120' } },
    });
    store.flush();
    expect(store.db.logicalBytes).toBe(before);
    expect(collection.version).toBe('120');
    store.collections.apply(collection, { type: 'MODIFIED', object: heartbeat(130, '1', 'False') });
    store.flush();
    expect(store.db.logicalBytes).toBeGreaterThan(before);
    store.flush(true);
    store.close();
  });

  test('a list that did not change is not written again but for its head', () => {
    const store = open(directory());
    fillWith(store, 'pods', 100, 100);
    const before = store.db.logicalBytes;
    fillWith(store, 'pods', 100, 150);
    expect(store.db.logicalBytes - before).toBeLessThan(1000);
  });

  test('versions survive a stop, and the last ones when the link goes', async () => {
    const r = await rig();
    const watch = await r.watch(`${podsOfNode}&${watchList}`);
    await watch.until(({ events }) => events.length === 1);
    r.upstream.version += 500;
    r.upstream.bookmark();
    await watch.until(({ events }) => events.length === 2);
    await r.upstream.refuse();
    await r.restart();
    expect([...r.proxy.context.store.collections][0]?.version).toBe(String(r.upstream.version));
  });
});

describe('garbage', () => {
  test('what was not used for days online goes; what is watched stays; the hours are counted over restarts', () => {
    const path = directory();
    const first = open(path);
    fillWith(first, 'pods', 3, 100);
    fillWith(first, 'services', 3, 100).feeds = 1;
    first.entries.putObject('node:edge-1', '/api/v1/nodes/x', object('x', 5));
    first.flush();
    for (let hour = 0; hour < 100; hour++) first.collectGarbage('node:edge-1');
    first.close();
    const store = open(path);
    expect([...store.collections]).toHaveLength(2);
    const services = store.collections.find(key('services'));
    if (services) services.feeds = 1;
    for (let hour = 0; hour < 70; hour++) store.collectGarbage('node:edge-1');
    expect([...store.collections].map((collection) => collection.key.resource)).toEqual(['services']);
    expect(store.entries.count()).toBe(0);
  });

  test('tokens of pods that are gone go with them', () => {
    const store = open(directory());
    const collection = store.collections.ensure(key('pods', { fields: `spec.nodeName=${nodeName}` }));
    const fill = new Fill(1 << 20);
    fill.add(object('living', 10), type, true);
    store.collections.replace(collection, fill, '10', type);
    collection.feeds = 1;
    const request = (uid: string) => ({
      identity: 'node:edge-1',
      namespace: 'a',
      serviceAccount: 's',
      spec: {
        audiences: [],
        expirationSeconds: 3607,
        boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: uid, uid },
      },
    });
    for (const uid of ['living', 'gone']) store.tokens.put(request(uid), '{}');
    store.collectGarbage('node:edge-1');
    expect(store.tokens.count()).toBe(2);
    const later = Date.now() + 3_600_000;
    const now = Date.now;
    Date.now = () => later;
    onTestFinished(() => {
      Date.now = now;
    });
    store.collectGarbage('node:edge-1');
    expect(store.tokens.get(request('living'))).toBe('{}');
    expect(store.tokens.get(request('gone'))).toBeUndefined();
  });
});
