import type { Selection } from '../request/classify.ts';
import { type ApiObject, isVersion } from '../wire/object.ts';
import { type Kept, keep } from './normalise.ts';

/** What one identity read of one selection: the state at `version`, kept current by the watches that pass through. */
export interface Collection {
  readonly id: number;
  readonly key: CollectionKey;
  readonly text: string;
  apiVersion: string;
  kind: string;
  /** resourceVersion of the state; empty before the first complete read. */
  version: string;
  /** False until a full list or the bookmark that ends a watch list was seen. Without it nothing is served. */
  complete: boolean;
  /** Holds what this node wrote over it while offline; the client must list again when the cloud is back. */
  overlaid: boolean;
  /** Rows on disk. */
  members: number;
  /** Milliseconds since the epoch of the last sign that it is current. */
  synced: number;
  /** Milliseconds since the epoch of the last full read in this process. */
  filled: number;
  /** Online hours of the node at the last use. */
  used: number;
  /** Counts replacements by an older state, after which streams from before must not be applied. */
  generation: number;
  /** Watches that are applied at this moment. */
  feeds: number;
  /** Changes not written yet: object, or null when deleted. */
  readonly dirty: Map<string, ApiObject | null>;
  rowDirty: boolean;
  /** Rows were checked against their sums in this process. */
  verified: boolean;
}

export interface CollectionKey {
  identity: string;
  group: string;
  version: string;
  resource: string;
  namespace: string;
  fields: string;
  labels: string;
}

/** The User-Agent is no part of it, the identity is: see the class of bugs "one selector per path". */
export function collectionKey(identity: string, { path, fields, labels }: Selection): CollectionKey {
  const { group, version, resource, namespace } = path;
  return { identity, group, version, resource, namespace, fields, labels };
}

export function keyText(key: CollectionKey): string {
  return JSON.stringify([
    key.identity,
    key.group,
    key.version,
    key.resource,
    key.namespace,
    key.fields,
    key.labels,
  ]);
}

export function parseKey(text: string): CollectionKey {
  const [identity, group, version, resource, namespace, fields, labels] = JSON.parse(text) as string[];
  if (labels === undefined) throw new TypeError('key of a collection is cut short');
  return { identity, group, version, resource, namespace, fields, labels } as CollectionKey;
}

export function memberKey({ metadata }: ApiObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name ?? ''}`;
}

export function splitMemberKey(key: string): [namespace: string, name: string] {
  const slash = key.indexOf('/');
  return [key.slice(0, slash), key.slice(slash + 1)];
}

/** A full read on its way: nothing of it shows before it is whole. */
export class Fill {
  readonly objects = new Map<string, ApiObject | Kept>();
  private bytes = 0;
  private readonly limit: number;

  constructor(limitBytes: number) {
    this.limit = limitBytes;
  }

  /** False once it is larger than what is kept at all. */
  get fits(): boolean {
    return this.bytes <= this.limit;
  }

  add(object: ApiObject, kind: { apiVersion: string; kind: string }, keepWhole: boolean): void {
    if (!this.fits) return;
    const kept = keepWhole ? object : keep(object, kind.apiVersion, kind.kind);
    this.bytes += 'body' in kept && typeof kept.body === 'string' ? kept.body.length : 2048;
    this.objects.set(memberKey(object), kept);
    if (!this.fits) this.objects.clear();
  }
}

/** kind and apiVersion of members of a list: items of typed lists do not carry them. */
export function memberType(list: { apiVersion?: unknown; kind?: unknown }): {
  apiVersion: string;
  kind: string;
} {
  const kind = String(list.kind ?? '');
  return {
    apiVersion: String(list.apiVersion ?? ''),
    kind: kind.endsWith('List') ? kind.slice(0, -4) : kind,
  };
}

export function isUsableVersion(version: unknown): version is string {
  return typeof version === 'string' && isVersion(version);
}

export interface CollectionsOptions {
  /** There is something to write; soon when it must not be lost with the power. */
  onDirty: (urgent: boolean) => void;
  onRotten: (what: string) => void;
  /** A member is gone from a collection. */
  onRemoved: (key: CollectionKey, namespace: string, name: string) => void;
  onlineHours: () => number;
}

export const isPods = (key: CollectionKey) => key.group === '' && key.resource === 'pods';
