import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import {
  type Collection,
  type CollectionKey,
  Fill,
} from '../../../../src/edge/lite-apiserver/cache/collection.ts';
import { Store } from '../../../../src/edge/lite-apiserver/cache/store.ts';
import type { ApiObject } from '../../../../src/edge/lite-apiserver/wire/object.ts';

export const key = (resource: string, more: Partial<CollectionKey> = {}): CollectionKey => ({
  ...{
    identity: 'node:edge-1',
    group: '',
    version: 'v1',
    resource,
    namespace: '',
    fields: '',
    labels: '',
    ...more,
  },
});

export const object = (name: string, version: number, more: Record<string, unknown> = {}): ApiObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'a', uid: name, resourceVersion: String(version) },
  ...more,
});

export const type = { apiVersion: 'v1', kind: 'Pod' };

/** A folder of this test. */
export function directory(): string {
  const made = mkdtempSync(join(tmpdir(), 'lite-store-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** A store of this test. */
export function open(path: string, log: string[] = []): Store {
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

/** Fills a collection with objects of half a kilobyte, named p0, p1, … */
export function fillWith(store: Store, resource: string, count: number, version: number): Collection {
  const collection = store.collections.ensure(key(resource));
  const fill = new Fill(1 << 20);
  for (let i = 0; i < count; i++)
    fill.add(object(`p${i}`, version, { data: `${resource}-${i}-${'x'.repeat(500)}` }), type, false);
  store.collections.replace(collection, fill, String(version), type);
  return collection;
}
