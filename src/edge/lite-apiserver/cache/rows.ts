import { type Collection, type CollectionKey, keyText } from './collection.ts';
import { sumOf } from './normalise.ts';

/** Head of a collection as a row. */
export interface CollectionRow {
  id: number;
  key: string;
  api_version: string;
  kind: string;
  version: string;
  complete: number;
  overlaid: number;
  members: number;
  synced: number;
  used: number;
  sum: number;
}

/** Member of a collection as a row. */
export interface MemberRow {
  namespace: string;
  name: string;
  version: string;
  digest: string;
  body: string;
  sum: number;
}

/** A collection that nothing is known of. */
export function fresh(id: number, key: CollectionKey, used: number): Collection {
  return {
    ...{
      id,
      key,
      text: keyText(key),
      apiVersion: '',
      kind: '',
      version: '',
      complete: false,
      overlaid: false,
    },
    ...{
      members: 0,
      synced: 0,
      used,
      generation: 0,
      feeds: 0,
      dirty: new Map(),
      rowDirty: false,
      verified: true,
    },
  };
}

export function fromRow(row: CollectionRow) {
  return {
    ...{ apiVersion: row.api_version, kind: row.kind, version: row.version, complete: row.complete === 1 },
    ...{
      overlaid: row.overlaid === 1,
      members: row.members,
      synced: row.synced,
      used: row.used,
      verified: false,
    },
  };
}

export function toRow(collection: Collection): Omit<CollectionRow, 'sum'> {
  const { id, text, apiVersion, kind, version, complete, overlaid, members, synced, used } = collection;
  const flags = { complete: Number(complete), overlaid: Number(overlaid) };
  return { id, key: text, api_version: apiVersion, kind, version, ...flags, members, synced, used };
}

export function rowSum(row: Omit<CollectionRow, 'sum'>): number {
  const { id, key, api_version, kind, version, complete, overlaid, members, synced, used } = row;
  return sumOf(id, key, api_version, kind, version, complete, overlaid, members, synced, used);
}

export function memberSum(
  collection: number,
  { namespace, name, version, digest, body }: Omit<MemberRow, 'sum'>,
): number {
  return sumOf(collection, namespace, name, version, digest, body);
}
