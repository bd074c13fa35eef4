import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { statusOf } from '../../../../src/edge/lite-apiserver/status.ts';
import { pod, podsOfNode, rig, settled, until } from './rig.ts';
import { directory, fillWith, key, object, open } from './store-objects.ts';

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

test('a cache that could not be put on the disk says so, whatever was written to memory since', async () => {
  const r = await rig();
  await r.proxy.stop();
  // No file can be made here.
  const directory = join(r.directory, 'ca.crt', 'cache');
  await r.start({ cache: { directory, flushIntervalMs: 20 } });
  await until(() => r.proxy.context.link.online);
  r.upstream.put('pods', pod('a'));
  await r.fetch(podsOfNode);
  await settled(r, 1);
  r.proxy.context.store.flush(true);
  r.proxy.context.store.collectGarbage('node:edge-1');
  expect(statusOf(r.proxy.context).cache.problem).toMatch(/memory/);
});

describe('once a file can be made', () => {
  const path = '/api/v1/nodes/x';
  const token = {
    ...{ identity: 'node:edge-1', namespace: 'a', serviceAccount: 'b' },
    spec: { audiences: [], expirationSeconds: 1, boundObjectRef: undefined },
  };

  /** A cache in memory, where a file is in the way of its folder. */
  function inMemory(log: string[] = []) {
    const parent = directory();
    const blocked = join(parent, 'blocked');
    writeFileSync(blocked, '');
    const cache = join(blocked, 'cache');
    return { cache, store: open(cache, log), free: () => rmSync(blocked) };
  }

  test('the cache returns to the disk as a whole, and what follows is written there', () => {
    const log: string[] = [];
    const { store, cache, free } = inMemory(log);
    const pods = fillWith(store, 'pods', 40, 100);
    store.entries.putObject('node:edge-1', path, object('x', 5));
    store.tokens.put(token, '{"status":{"token":"real"}}');
    store.returnToDisk();
    expect(store.problem).toMatch(/memory/);
    free();
    store.returnToDisk();
    expect(store.problem).toBeUndefined();
    expect(log.at(-1)).toMatch(/on the disk/);
    expect(readdirSync(cache).filter((name) => !name.endsWith('-wal'))).toEqual(['cache.db']);
    expect(statSync(join(cache, 'cache.db')).mode & 0o777).toBe(0o600);
    store.collections.apply(pods, { type: 'ADDED', object: object('later', 101, { data: 'later' }) });
    store.close();

    const again = open(cache);
    expect(again.db.setAside).toBeUndefined();
    const kept = again.collections.find(key('pods'));
    expect(kept?.version).toBe('101');
    expect(kept && again.collections.read(kept)).toHaveLength(41);
    expect(again.entries.get('node:edge-1', path)?.version).toBe('5');
    expect(again.tokens.get(token)).toBe('{"status":{"token":"real"}}');
  });

  test('a file that is there is not given up for a memory that knows nothing', () => {
    const { store, cache, free } = inMemory();
    free();
    const other = open(cache);
    fillWith(other, 'pods', 3, 100);
    other.close();
    store.collections.ensure(key('pods'));
    store.returnToDisk();
    expect(store.problem).toMatch(/memory/);
    fillWith(store, 'services', 2, 200);
    store.returnToDisk();
    expect(store.problem).toBeUndefined();
    expect([...store.collections].filter(({ complete }) => complete)).toHaveLength(1);
    expect(readdirSync(cache)).toContain('cache.db.corrupt');
  });

  test('a copy that fails leaves it in memory, with all that it knows', () => {
    const { store, cache, free } = inMemory();
    fillWith(store, 'pods', 3, 100);
    free();
    mkdirSync(join(cache, 'cache.db.new', 'in-the-way'), { recursive: true });
    store.returnToDisk();
    expect(store.problem).toMatch(/memory/);
    const pods = store.collections.find(key('pods'));
    expect(pods && store.collections.read(pods)).toHaveLength(3);
    rmSync(join(cache, 'cache.db.new'), { recursive: true });
    store.returnToDisk();
    expect(store.problem).toBeUndefined();
  });
});
