import { spawn } from 'node:child_process';
import {
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Fill } from '../../../../src/edge/lite-apiserver/cache/collection.ts';
import { Store } from '../../../../src/edge/lite-apiserver/cache/store.ts';
import { statusOf } from '../../../../src/edge/lite-apiserver/status.ts';
import { nodeName, pod, podsOfNode, rig, settled, watchList } from './rig.ts';
import { key, object } from './store-objects.ts';

const type = { apiVersion: 'v1', kind: 'Pod' };

function directory(): string {
  const made = mkdtempSync(join(tmpdir(), 'lite-store-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

function open(path: string, log: string[] = []): Store {
  const store = new Store({
    directory: path,
    flushIntervalMs: 5,
    maxBytes: 1 << 20,
    unusedDays: 7,
    log: (message) => log.push(message),
  });
  onTestFinished(() => store.close());
  return store;
}

function fillWith(store: Store, resource: string, count: number, version: number) {
  const collection = store.collections.ensure(key(resource));
  const fill = new Fill(1 << 20);
  for (let i = 0; i < count; i++)
    fill.add(object(`p${i}`, version, { data: `${resource}-${i}-${'x'.repeat(500)}` }), type, false);
  store.collections.replace(collection, fill, String(version), type);
  return collection;
}

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

describe('corruption', () => {
  const damage: [string, (file: string) => void][] = [
    ['truncated to half', (file) => truncateSync(file, Math.floor(statSync(file).size / 2))],
    ['truncated to a few bytes', (file) => truncateSync(file, 50)],
    ['empty', (file) => truncateSync(file, 0)],
    ['zeroed', (file) => writeFileSync(file, Buffer.alloc(statSync(file).size))],
    ['zeroed in the middle', (file) => overwrite(file, 8192, Buffer.alloc(8192))],
    [
      'something else',
      (file) =>
        writeFileSync(file, 'this is no database at all, but some text that is long enough\n'.repeat(100)),
    ],
    ['gone', (file) => rmSync(file)],
  ];

  test.each(damage)('%s: starts, serves nothing wrong, goes on', (_name, harm) => {
    const path = directory();
    const first = open(path);
    fillWith(first, 'pods', 100, 100);
    first.close();
    harm(join(path, 'cache.db'));
    const store = open(path);
    for (const collection of store.collections) {
      const rows = store.guard(() => store.collections.read(collection));
      for (const row of rows ?? [])
        expect(JSON.parse(row.body)).toMatchObject({ data: `pods-${row.name.slice(1)}-${'x'.repeat(500)}` });
    }
    fillWith(store, 'services', 3, 200);
    const again = store.collections.find(key('services'));
    expect(again && store.collections.read(again)).toHaveLength(3);
  });

  test('a flipped bit anywhere never gives a wrong object', { timeout: 60_000 }, () => {
    const path = directory();
    const first = open(path);
    fillWith(first, 'pods', 40, 100);
    first.entries.putObject('node:edge-1', '/api/v1/nodes/x', object('x', 5, { data: 'whole' }));
    first.tokens.put(
      {
        identity: 'n',
        namespace: 'a',
        serviceAccount: 'b',
        spec: { audiences: [], expirationSeconds: 1, boundObjectRef: undefined },
      },
      '{"status":{"token":"real"}}',
    );
    first.close();
    const file = join(path, 'cache.db');
    const sound = readFileSync(file);
    let found = 0;
    for (let round = 0; round < 150; round++) {
      const bytes = Buffer.from(sound);
      const at = (round * 7919 * 13) % bytes.length;
      bytes[at] = (bytes[at] as number) ^ (1 << (round % 8));
      writeFileSync(file, bytes);
      for (const suffix of ['-wal', '-shm']) rmSync(file + suffix, { force: true });
      const log: string[] = [];
      const store = new Store({
        directory: path,
        flushIntervalMs: 1000,
        maxBytes: 1 << 20,
        unusedDays: 7,
        log: (message) => log.push(message),
      });
      for (const collection of [...store.collections]) {
        const rows = store.guard(() => store.collections.read(collection));
        if (rows) expect(rows).toHaveLength(40);
        for (const { name, body } of rows ?? [])
          expect(JSON.parse(body)).toMatchObject({
            data: `pods-${name.slice(1)}-${'x'.repeat(500)}`,
            metadata: { name },
          });
      }
      const entry = store.guard(() => store.entries.get('node:edge-1', '/api/v1/nodes/x'));
      if (entry) expect(JSON.parse(entry.body)).toMatchObject({ data: 'whole' });
      const token = store.guard(() =>
        store.tokens.get({
          identity: 'n',
          namespace: 'a',
          serviceAccount: 'b',
          spec: { audiences: [], expirationSeconds: 1, boundObjectRef: undefined },
        }),
      );
      if (token) expect(token).toBe('{"status":{"token":"real"}}');
      if (log.length > 0) found++;
      store.close();
    }
    expect(found).toBeGreaterThan(20);
  });

  test('bits flipped all over, in indexes too, never keep it from starting', { timeout: 60_000 }, () => {
    const path = directory();
    const first = open(path);
    for (let n = 0; n < 40; n++) fillWith(first, `r${n}`, 3, 100);
    for (let n = 0; n < 60; n++) first.tokens.accept(`hash-${n}`, `sa:${n}`, 'not.a.token');
    first.close();
    const file = join(path, 'cache.db');
    const sound = readFileSync(file);
    // Some of these pass SQLite's quick check, which compares no index with its table.
    let random = 7;
    const below = (limit: number) => {
      random = (random * 1103515245 + 12345) % 2 ** 31;
      return Math.floor((random / 2 ** 31) * limit);
    };
    const logs: string[] = [];
    for (let round = 0; round < 100; round++) {
      const bytes = Buffer.from(sound);
      for (let flips = 1 + below(40); flips > 0; flips--) {
        const at = below(bytes.length);
        bytes[at] = (bytes[at] as number) ^ (1 << below(8));
      }
      writeFileSync(file, bytes);
      for (const suffix of ['-wal', '-shm']) rmSync(file + suffix, { force: true });
      const store = open(path, logs);
      for (const collection of [...store.collections]) {
        const rows = store.guard(() => store.collections.read(collection)) ?? [];
        for (const { name, body } of rows)
          expect(JSON.parse(body).data).toBe(
            `${collection.key.resource}-${name.slice(1)}-${'x'.repeat(500)}`,
          );
      }
      fillWith(store, 'services', 3, 200);
      const again = store.collections.find(key('services'));
      expect(again && store.collections.read(again)).toHaveLength(3);
      store.close();
    }
    expect(logs).toContain('the cache was set aside and started anew');
  });

  test('a broken file is kept for a look, once', () => {
    const path = directory();
    writeFileSync(join(path, 'cache.db'), 'garbage'.repeat(1000));
    const log: string[] = [];
    const store = open(path, log);
    expect(log[0]).toMatch(/set aside/);
    expect(store.db.setAside).toBeDefined();
    expect(readdirSync(path)).toContain('cache.db.corrupt');
  });

  test('found while running: the proxy goes on and fills the cache again', async () => {
    const r = await rig();
    r.upstream.put('pods', pod('a'));
    const watch = await r.watch(`${podsOfNode}&${watchList}`);
    await watch.until(({ events }) => events.length === 2);
    const { store } = r.proxy.context;
    store.guard(() => {
      throw Object.assign(new Error('database disk image is malformed'), { errcode: 11 });
    });
    expect([...store.collections].filter(({ complete }) => complete)).toEqual([]);
    r.upstream.put('pods', pod('b'));
    await watch.until(({ events }) => events.length === 3);
    await settled(r, 1);
    await r.goOffline();
    expect((await r.fetch(podsOfNode)).json.items).toHaveLength(2);
  });

  test('deleted while offline: 503, no crash', async () => {
    const r = await rig();
    await r.fetch(podsOfNode);
    await settled(r, 1);
    await r.goOffline();
    await r.proxy.stop();
    rmSync(join(r.directory, 'cache'), { recursive: true });
    await r.start();
    expect((await r.fetch(podsOfNode)).status).toBe(503);
  });

  test('a disk that is full: online goes on, the last whole state is kept', async () => {
    const r = await rig();
    r.upstream.put('pods', pod('a'));
    await r.fetch(podsOfNode);
    await settled(r, 1);
    const { store } = r.proxy.context;
    store.db.get(`PRAGMA max_page_count = ${store.db.size().bytes / 4096}`);
    r.upstream.put('pods', pod('b', { text: 'x'.repeat(1 << 20) }));
    expect((await r.fetch(podsOfNode)).json.items).toHaveLength(2);
    const { until } = await import('./rig.ts');
    await until(() => store.problem !== undefined);
    // Looking at the cache, as the status itself does, is no proof that it can be written.
    for (let n = 0; n < 2; n++) expect(statusOf(r.proxy.context).cache.problem).toMatch(/full/);
    await r.goOffline();
    expect((await r.fetch(podsOfNode)).json.items).toHaveLength(1);
    store.db.get('PRAGMA max_page_count = 100000');
    store.entries.putText('node:n', '/version', 200, '{}');
    store.flush();
    expect(statusOf(r.proxy.context).cache.problem).toBe('');
  });

  test('a folder that cannot be written: the cache is in memory', () => {
    const path = directory();
    writeFileSync(join(path, 'file'), '');
    const log: string[] = [];
    const store = open(join(path, 'file', 'cache'), log);
    fillWith(store, 'pods', 2, 5);
    const collection = store.collections.find(key('pods'));
    expect(collection && store.collections.read(collection)).toHaveLength(2);
    expect(log).toHaveLength(1);
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

function overwrite(file: string, at: number, bytes: Buffer): void {
  writeSync(openSync(file, 'r+'), bytes, 0, bytes.length, at);
}
