import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { statusOf } from '../../../../src/edge/lite-apiserver/status.ts';
import { pod, podsOfNode, rig, settled, until } from './rig.ts';
import { directory, fillWith, key, open } from './store-objects.ts';

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
