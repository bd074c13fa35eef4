import { type ApiObject, compareVersions, type WatchEvent } from '../wire/object.ts';
import {
  type Collection,
  type CollectionKey,
  type CollectionsOptions,
  type Fill,
  isPods,
  isUsableVersion,
  keyText,
  memberKey,
  parseKey,
  splitMemberKey,
} from './collection.ts';
import type { Database } from './database.ts';
import { type Kept, keep, revivable } from './normalise.ts';
import {
  type CollectionRow,
  forget,
  fresh,
  fromRow,
  type MemberRow,
  memberSum,
  Rows,
  rowSum,
  unwrittenRow,
  withUnwritten,
} from './rows.ts';

/** All collections: small heads in memory, members on disk. */
export class Collections {
  private readonly db: Database;
  private readonly rows: Rows;
  private readonly options: CollectionsOptions;
  private byKey = new Map<string, Collection>();

  constructor(db: Database, options: CollectionsOptions) {
    this.db = db;
    this.rows = new Rows(db);
    this.options = options;
  }

  /** Reads the heads; those that are not what was written are dropped with their members. */
  load(): void {
    this.byKey = new Map();
    for (const row of this.db.all<CollectionRow>('SELECT * FROM collection')) {
      try {
        if (row.sum !== rowSum(row)) throw new Error('sum');
        const collection = {
          ...fresh(row.id, parseKey(row.key), this.options.onlineHours()),
          ...fromRow(row),
        };
        // Batches are whole, so everything up to the newest member is in there, whatever the head says.
        const newest = this.rows.newest(row.id);
        if (collection.complete && compareVersions(newest, collection.version) > 0)
          collection.version = newest;
        this.byKey.set(collection.text, collection);
      } catch {
        this.options.onRotten('a collection');
        this.db.run('DELETE FROM collection WHERE id = ?', row.id);
      }
    }
    this.db.run('DELETE FROM member WHERE collection NOT IN (SELECT id FROM collection)');
  }

  [Symbol.iterator](): IterableIterator<Collection> {
    return this.byKey.values();
  }

  find(key: CollectionKey): Collection | undefined {
    const collection = this.byKey.get(keyText(key));
    if (collection) collection.used = this.options.onlineHours();
    return collection;
  }

  ensure(key: CollectionKey): Collection {
    const known = this.find(key);
    if (known) return known;
    const id = Number(
      this.db.get<{ id: number }>('SELECT COALESCE(MAX(id), 0) + 1 AS id FROM collection')?.id ?? 1,
    );
    const collection = fresh(
      Math.max(id, ...[...this.byKey.values()].map((known) => known.id + 1)),
      key,
      this.options.onlineHours(),
    );
    this.byKey.set(collection.text, collection);
    return collection;
  }

  /** Applies an event of a watch that is known to have no gap. What the collection has seen already changes nothing. */
  apply(collection: Collection, event: WatchEvent): void {
    const version = event.object.metadata.resourceVersion;
    if (!collection.complete || !isUsableVersion(version)) return;
    collection.synced = Date.now();
    if (compareVersions(version, collection.version) <= 0) return;
    collection.version = version;
    collection.rowDirty = true;
    if (event.type === 'BOOKMARK') return;
    const key = memberKey(event.object);
    collection.dirty.set(key, event.type === 'DELETED' ? null : event.object);
    if (event.type === 'DELETED') this.options.onRemoved(collection.key, ...splitMemberKey(key));
    this.options.onDirty(isPods(collection.key));
  }

  /**
   * Puts a full read in place of what was there, at once or not at all. False when it was not taken: too large, no usable
   * version, or older than what streams have brought meanwhile.
   */
  replace(
    collection: Collection,
    fill: Fill,
    version: unknown,
    type: { apiVersion: string; kind: string },
  ): boolean {
    if (!fill.fits || !isUsableVersion(version)) return false;
    const known = this.byKey.get(collection.text);
    if (known && known !== collection) return false;
    this.byKey.set(collection.text, collection);
    const older = collection.complete && compareVersions(version, collection.version) < 0;
    if (older && collection.feeds > 0) return false;
    const before = this.rows.digests(collection);
    const next = {
      ...type,
      version,
      complete: true,
      overlaid: false,
      members: fill.objects.size,
      synced: Date.now(),
      filled: Date.now(),
    };
    this.db.transaction(true, () => {
      for (const [key, object] of fill.objects) {
        const kept = this.kept(collection, key, object, type);
        if (older || before.get(key) !== kept.digest) this.rows.write(collection.id, key, kept);
        before.delete(key);
      }
      for (const key of before.keys()) this.rows.remove(collection.id, key);
      this.rows.writeHead({ ...collection, ...next });
    });
    collection.dirty.clear();
    Object.assign(collection, next, { rowDirty: false, verified: true });
    if (older) collection.generation++;
    for (const key of before.keys()) this.options.onRemoved(collection.key, ...splitMemberKey(key));
    return true;
  }

  /** Bodies of all members at `collection.version`; undefined when the collection is not complete or not sound. */
  read(collection: Collection): MemberRow[] | undefined {
    if (!collection.complete) return undefined;
    const rows = this.db.all<MemberRow>(
      'SELECT namespace, name, version, digest, body, sum FROM member WHERE collection = ? ORDER BY namespace, name',
      collection.id,
    );
    if (!collection.verified) {
      const sound =
        rows.length === collection.members && rows.every((row) => row.sum === memberSum(collection.id, row));
      if (!sound) {
        this.options.onRotten(`${collection.key.resource} of ${collection.key.identity}`);
        this.drop(collection);
        return undefined;
      }
      collection.verified = true;
    }
    return withUnwritten(rows, collection, (key, object) => this.kept(collection, key, object, collection));
  }

  /** The newest copy of an object among the collections of one identity. */
  member(
    identity: string,
    object: Omit<CollectionKey, 'identity' | 'fields' | 'labels'> & { name: string },
  ): MemberRow | undefined {
    let newest: MemberRow | undefined;
    for (const collection of this.byKey.values()) {
      const { key, complete } = collection;
      if (!complete || key.identity !== identity || key.version !== object.version) continue;
      if (key.resource !== object.resource || key.group !== object.group) continue;
      if (key.namespace !== '' && key.namespace !== object.namespace) continue;
      const row = this.row(collection, object.namespace, object.name);
      if (row && (!newest || compareVersions(row.version, newest.version) > 0)) newest = row;
    }
    return newest;
  }

  /** One member at `collection.version`; undefined when it is not there or not sound. */
  row(collection: Collection, namespace: string, name: string): MemberRow | undefined {
    const key = `${namespace}/${name}`;
    const object = collection.dirty.get(key);
    if (object === undefined) return this.rows.member(collection.id, namespace, name);
    return object ? unwrittenRow(key, this.kept(collection, key, object, collection)) : undefined;
  }

  /** Changes one member while offline; the collection is marked so that its clients list again later. */
  overlay(collection: Collection, namespace: string, name: string, object: ApiObject): void {
    this.db.transaction(true, () => {
      this.rows.write(
        collection.id,
        `${namespace}/${name}`,
        keep(object, collection.apiVersion, collection.kind),
      );
      this.rows.writeHead({ ...collection, overlaid: true });
    });
    collection.overlaid = true;
  }

  drop(collection: Collection): void {
    // A watch that is applied to it keeps the head, and fills it again.
    if (collection.feeds === 0) this.byKey.delete(collection.text);
    forget(collection);
    this.db.transaction(false, () => {
      this.db.run('DELETE FROM collection WHERE id = ?', collection.id);
      this.db.run('DELETE FROM member WHERE collection = ?', collection.id);
    });
  }

  /** The file is another one, and empty. */
  startOver(): void {
    for (const collection of this.byKey.values()) forget(collection);
  }

  /**
   * What must be written for the changes so far, as a step of a transaction; undefined when only heartbeats and versions
   * changed and `heads` is false. `settled` is to be called after the commit.
   */
  pending(heads: boolean): { urgent: boolean; write: () => void; settled: () => void } | undefined {
    const steps: { collection: Collection; upserts: [string, Kept][]; deletes: string[]; members: number }[] =
      [];
    for (const collection of this.byKey.values()) {
      const step = this.changesOf(collection);
      if (step.upserts.length > 0 || step.deletes.length > 0 || (heads && collection.rowDirty))
        steps.push(step);
      else collection.dirty.clear();
    }
    if (steps.length === 0) return undefined;
    const written = new Set<Collection>();
    return {
      urgent: steps.some(
        ({ collection, upserts, deletes }) => isPods(collection.key) && upserts.length + deletes.length > 0,
      ),
      write: () => {
        for (const { collection, upserts, deletes, members } of steps) {
          for (const [key, kept] of upserts) this.rows.write(collection.id, key, kept);
          for (const key of deletes) this.rows.remove(collection.id, key);
          // Without a new or lost member the newest member tells the version as well: see load().
          if (heads || members !== collection.members || deletes.length > 0) {
            this.rows.writeHead({ ...collection, members });
            written.add(collection);
          }
        }
      },
      settled: () => {
        for (const { collection, members } of steps) {
          collection.dirty.clear();
          collection.members = members;
          if (written.has(collection)) collection.rowDirty = false;
        }
      },
    };
  }

  private changesOf(collection: Collection) {
    const upserts: [string, Kept][] = [];
    const deletes: string[] = [];
    let { members } = collection;
    for (const [key, object] of collection.dirty) {
      const [namespace, name] = splitMemberKey(key);
      const before = this.db.get<{ digest: string }>(
        'SELECT digest FROM member WHERE collection = ? AND namespace = ? AND name = ?',
        collection.id,
        namespace,
        name,
      );
      if (object === null) {
        if (!before) continue;
        deletes.push(key);
        members--;
      } else {
        const kept = this.kept(collection, key, object, collection);
        if (before?.digest === kept.digest) continue;
        upserts.push([key, kept]);
        if (!before) members++;
      }
    }
    return { collection, upserts, deletes, members };
  }

  private kept(
    collection: Collection,
    key: string,
    object: ApiObject | Kept,
    type: { apiVersion: string; kind: string },
  ): Kept {
    if (!('metadata' in object)) return object as Kept;
    const whole = object as ApiObject;
    if (!isPods(collection.key)) return keep(whole, type.apiVersion, type.kind);
    const pod = revivable(whole, () => this.rows.object(collection.id, key));
    return keep(pod, type.apiVersion, type.kind);
  }
}
