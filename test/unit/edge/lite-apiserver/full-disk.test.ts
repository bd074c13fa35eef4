import { cpSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Store } from '../../../../src/edge/lite-apiserver/cache/store.ts';
import { statusOf } from '../../../../src/edge/lite-apiserver/status.ts';
import { pod, podsOfNode, type Rig, rig, settled, until, watchList } from './rig.ts';

const big = { text: 'x'.repeat(1 << 20) };

/** From now on the file of the cache cannot grow. */
function fill({ proxy }: Rig): void {
  const { db } = proxy.context.store;
  db.get(`PRAGMA max_page_count = ${db.size().bytes / 4096}`);
}

const empty = ({ proxy }: Rig) => proxy.context.store.db.get('PRAGMA max_page_count = 1000000');
const full = (r: Rig) => until(() => /full/.test(r.proxy.context.store.problem ?? ''));

/** What a client that lists offline takes for the state, and the version that it would watch from. */
async function offlineList(r: Rig): Promise<{ version: string; names: string[] }> {
  const { status, json } = await r.fetch(podsOfNode);
  expect(status).toBe(200);
  const names = json.items.map(({ metadata }: { metadata: { name: string } }) => metadata.name);
  return { version: json.metadata.resourceVersion, names: names.sort() };
}

test('a disk that is full: online goes on, the last whole state is kept', async () => {
  const r = await rig();
  r.upstream.put('pods', pod('a'));
  await r.fetch(podsOfNode);
  await settled(r, 1);
  const { store } = r.proxy.context;
  fill(r);
  r.upstream.put('pods', pod('b', big));
  expect((await r.fetch(podsOfNode)).json.items).toHaveLength(2);
  await full(r);
  // Looking at the cache, as the status itself does, is no proof that it can be written.
  for (let n = 0; n < 2; n++) expect(statusOf(r.proxy.context).cache.problem).toMatch(/full/);
  await r.goOffline();
  expect((await r.fetch(podsOfNode)).json.items).toHaveLength(1);
  empty(r);
  store.entries.putText('node:n', '/version', 200, '{}');
  store.flush();
  expect(statusOf(r.proxy.context).cache.problem).toBe('');
});

test('what a watch brings is answered at its version, written or not', async () => {
  const r = await rig();
  r.upstream.put('pods', pod('a'));
  r.upstream.put('pods', pod('gone'));
  const watch = await r.watch(`${podsOfNode}&${watchList}`);
  await settled(r, 1);
  fill(r);
  r.upstream.put('pods', pod('b', big));
  r.upstream.put('pods', pod('a', { changed: true }));
  r.upstream.remove('pods', 'default', 'gone');
  await watch.until(({ events }) => events.length === 6);
  await full(r);
  await r.goOffline();
  expect(await offlineList(r)).toEqual({ version: String(r.upstream.version), names: ['a', 'b'] });
  const one = await r.fetch('/api/v1/namespaces/default/pods/a');
  expect(one.json.changed).toBe(true);
  // After the power went only what the disk has is left: an older state, and it says so.
  empty(r);
  r.proxy.context.store.flush();
  await r.restart();
  await until(() => r.proxy.context.link.reason !== '');
  expect(await offlineList(r)).toEqual({ version: String(r.upstream.version), names: ['a', 'b'] });
});

test('a state that could not be written is not taken for the base of what a watch brings', async () => {
  const r = await rig();
  r.upstream.put('pods', pod('a'));
  await r.fetch(podsOfNode);
  await settled(r, 1);
  const { version } = r.upstream;
  fill(r);
  r.upstream.put('pods', pod('b', big));
  const watch = await r.watch(`${podsOfNode}&${watchList}`);
  await watch.until(({ events }) => events.length === 3);
  r.upstream.put('pods', pod('c'));
  await watch.until(({ events }) => events.length === 4);
  await full(r);
  r.proxy.context.store.flush();
  await r.goOffline();
  expect(await offlineList(r)).toEqual({ version: String(version), names: ['a'] });
  empty(r);
  await r.goOnline();
  await until(() => [...r.proxy.context.store.collections][0]?.version === String(r.upstream.version));
  await r.goOffline();
  expect((await offlineList(r)).names).toEqual(['a', 'b', 'c']);
});

test('a GET is answered as it was read last, written or not', async () => {
  const r = await rig();
  const path = '/api/v1/namespaces/default/pods/a';
  r.upstream.put('pods', pod('a'));
  await r.fetch(path);
  await until(() => r.proxy.context.store.entries.count() === 1);
  fill(r);
  r.upstream.put('pods', pod('a', big));
  await r.fetch(path);
  await full(r);
  await r.goOffline();
  expect((await r.fetch(path)).json.text?.length).toBe(big.text.length);
});

test('a start needs no room: what was remembered is there', async () => {
  const r = await rig();
  r.upstream.put('pods', pod('a'));
  await r.fetch(podsOfNode);
  await settled(r, 1);
  await r.goOffline();
  await r.proxy.stop();
  // Where SQLite would make the file that several processes share: none can be made on a full disk.
  mkdirSync(join(r.directory, 'cache', 'cache.db-shm'));
  await r.start();
  expect((await offlineList(r)).names).toEqual(['a']);
});

test('a start writes nothing, after a crash neither', async () => {
  const r = await rig();
  r.upstream.put('pods', pod('a'));
  await r.fetch(podsOfNode);
  await settled(r, 1);
  r.proxy.context.store.flush();
  const directory = join(r.directory, 'after-crash');
  cpSync(join(r.directory, 'cache'), directory, { recursive: true });
  const content = () =>
    readdirSync(directory).map((name) => [name, readFileSync(join(directory, name), 'hex')]);
  const before = content();
  const options = { directory, flushIntervalMs: 1000, maxBytes: 1 << 20, unusedDays: 7, log: () => {} };
  const store = new Store(options);
  onTestFinished(() => store.close());
  expect([...store.collections]).toHaveLength(1);
  expect(content()).toEqual(before);
});
