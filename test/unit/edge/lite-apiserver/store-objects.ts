import type { CollectionKey } from '../../../../src/edge/lite-apiserver/cache/collection.ts';
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
