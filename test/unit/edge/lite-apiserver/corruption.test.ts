import {
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pod, podsOfNode, rig, settled, watchList } from './rig.ts';
import { directory, fillWith, key, object, open } from './store-objects.ts';

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
    const store = open(path, log);
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
        expect(JSON.parse(body).data).toBe(`${collection.key.resource}-${name.slice(1)}-${'x'.repeat(500)}`);
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

function overwrite(file: string, at: number, bytes: Buffer): void {
  writeSync(openSync(file, 'r+'), bytes, 0, bytes.length, at);
}
