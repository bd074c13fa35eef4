/** Run as a process of its own and killed by store.test.ts in the middle of writes. Prints a line for each commit. */
import { Fill } from '../../../../src/edge/lite-apiserver/cache/collection.ts';
import { Store } from '../../../../src/edge/lite-apiserver/cache/store.ts';
import { key, object } from './store-objects.ts';

const store = new Store({
  directory: process.argv[2] as string,
  flushIntervalMs: 1,
  maxBytes: 1 << 30,
  unusedDays: 7,
  log: () => {},
});
const collection = store.collections.ensure(key('pods'));
let version = Number(collection.version || 100);

for (let round = 0; ; round++) {
  const fill = new Fill(32 << 20);
  version += 10;
  // All members of one state carry its round, so that a torn state shows.
  for (let i = 0; i < 50 + (round % 7); i++)
    fill.add(object(`p${i}`, version, { round: version }), { apiVersion: 'v1', kind: 'Pod' }, false);
  store.collections.replace(collection, fill, String(version), { apiVersion: 'v1', kind: 'Pod' });
  process.stdout.write(`${version}\n`);
  for (let i = 0; i < 5; i++) {
    version++;
    store.collections.apply(collection, {
      type: i % 2 ? 'DELETED' : 'MODIFIED',
      object: object('extra', version, { round: version }),
    });
    store.flush();
  }
  await new Promise((resolve) => setImmediate(resolve));
}
