import type { ApiObject } from '../wire/object.ts';
import { type Collection, type CollectionKey, keyText, splitMemberKey } from './collection.ts';
import type { Database } from './database.ts';
import { type Kept, sumOf } from './normalise.ts';

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

/** Changes a row in place where there is one: replacing it would write every index anew. */
function upsert(table: string, keys: string[], values: string[]): string {
  const columns = [...keys, ...values];
  const changes = values.map((column) => `${column} = excluded.${column}`).join(', ');
  return `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')}) ON CONFLICT (${keys.join(', ')}) DO UPDATE SET ${changes}`;
}

const upsertMember = upsert(
  'member',
  ['collection', 'namespace', 'name'],
  ['version', 'digest', 'body', 'sum'],
);
const upsertHead = upsert(
  'collection',
  ['id'],
  ['key', 'api_version', 'kind', 'version', 'complete', 'overlaid', 'members', 'synced', 'used', 'sum'],
);

/** Reads and writes of single rows; transactions are the caller's. */
export class Rows {
  private readonly db: Database;

  constructor(db: Database) {
    this.db = db;
  }

  /** One member; undefined when it is not there or not sound. */
  member(collection: number, namespace: string, name: string): MemberRow | undefined {
    const row = this.db.get<MemberRow>(
      'SELECT namespace, name, version, digest, body, sum FROM member WHERE collection = ? AND namespace = ? AND name = ?',
      collection,
      namespace,
      name,
    );
    return row && row.sum === memberSum(collection, row) ? row : undefined;
  }

  /** What is on disk of a member. */
  object(collection: number, key: string): ApiObject | undefined {
    const row = this.member(collection, ...splitMemberKey(key));
    return row && (JSON.parse(row.body) as ApiObject);
  }

  /** Digest of each member on disk; empty for a row that is not sound, so that it is written anew. */
  digests(collection: Collection): Map<string, string> {
    const columns = collection.verified ? 'namespace, name, digest' : '*';
    const rows = this.db.all<MemberRow>(`SELECT ${columns} FROM member WHERE collection = ?`, collection.id);
    const sound = (row: MemberRow) => collection.verified || row.sum === memberSum(collection.id, row);
    return new Map(rows.map((row) => [`${row.namespace}/${row.name}`, sound(row) ? row.digest : '']));
  }

  write(collection: number, key: string, { version, digest, body }: Kept): void {
    const [namespace, name] = splitMemberKey(key);
    const sum = memberSum(collection, { namespace, name, version, digest, body });
    this.db.run(upsertMember, collection, namespace, name, version, digest, body, sum);
  }

  /** The newest version among the members; empty when there is none or it cannot be trusted. */
  newest(collection: number): string {
    const row = this.db.get<MemberRow>(
      'SELECT * FROM member WHERE collection = ? ORDER BY length(version) DESC, version DESC LIMIT 1',
      collection,
    );
    return row && row.sum === memberSum(collection, row) ? row.version : '';
  }

  remove(collection: number, key: string): void {
    this.db.run(
      'DELETE FROM member WHERE collection = ? AND namespace = ? AND name = ?',
      collection,
      ...splitMemberKey(key),
    );
  }

  writeHead(collection: Collection): void {
    const row = toRow(collection);
    const { id, key, api_version, kind, version, complete, overlaid, members, synced, used } = row;
    this.db.run(
      upsertHead,
      ...[id, key, api_version, kind, version, complete, overlaid, members, synced, used, rowSum(row)],
    );
  }
}

/**
 * Rows with the changes that wait over them. The version of a collection counts those too, so rows without them would be
 * an older state with a newer version; on a full disk they wait for long.
 */
export function withUnwritten(
  rows: MemberRow[],
  { dirty }: Collection,
  kept: (key: string, object: ApiObject) => Kept,
): MemberRow[] {
  if (dirty.size === 0) return rows;
  const merged = new Map(rows.map((row) => [`${row.namespace}/${row.name}`, row]));
  for (const [key, object] of dirty) {
    if (object) merged.set(key, unwrittenRow(key, kept(key, object)));
    else merged.delete(key);
  }
  return [...merged.values()];
}

/** A change that waits, as a row; it has no sum, as there is nothing on disk to compare. */
export function unwrittenRow(key: string, kept: Kept): MemberRow {
  const [namespace, name] = splitMemberKey(key);
  return { namespace, name, ...kept, sum: 0 };
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
      filled: 0,
      used,
      generation: 0,
      feeds: 0,
      dirty: new Map(),
      rowDirty: false,
      verified: true,
    },
  };
}

/** Makes a head as if nothing had been read; watches see it by the generation. */
export function forget(collection: Collection): void {
  Object.assign(collection, {
    version: '',
    complete: false,
    overlaid: false,
    members: 0,
    rowDirty: false,
    verified: true,
  });
  collection.generation++;
  collection.dirty.clear();
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

function toRow(collection: Collection): Omit<CollectionRow, 'sum'> {
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
