import { type ApiObject, compareVersions, isVersion } from '../wire/object.ts';
import type { Database } from './database.ts';
import { digestOf, keep, sumOf } from './normalise.ts';

/** An answer to a GET: an object, a discovery document, or the knowledge that there is none. */
export interface Entry {
  status: 200 | 404;
  version: string;
  body: string;
}

interface EntryRow extends Entry {
  identity: string;
  path: string;
  digest: string;
  used: number;
  sum: number;
}

interface Pending extends Entry {
  digest: string;
}

/** Answers to GETs by identity and path. */
export class Entries {
  private readonly db: Database;
  private readonly onDirty: () => void;
  private readonly onlineHours: () => number;
  private readonly dirty = new Map<string, { identity: string; path: string; entry: Pending | null }>();

  constructor(db: Database, options: { onDirty: () => void; onlineHours: () => number }) {
    this.db = db;
    this.onDirty = options.onDirty;
    this.onlineHours = options.onlineHours;
  }

  putObject(identity: string, path: string, object: ApiObject): void {
    const { version, body, digest } = keep(object, '', '');
    this.put(identity, path, { status: 200, version, body, digest });
  }

  putText(identity: string, path: string, status: 200 | 404, body: string): void {
    this.put(identity, path, { status, version: '', body, digest: digestOf(body) });
  }

  delete(identity: string, path: string): void {
    this.dirty.set(`${identity}\n${path}`, { identity, path, entry: null });
    this.onDirty();
  }

  /** The object exists now. */
  forgetAbsence(identity: string, path: string): void {
    if (this.get(identity, path)?.status === 404) this.delete(identity, path);
  }

  /** What was answered last. */
  get(identity: string, path: string): Entry | undefined {
    const waiting = this.dirty.get(`${identity}\n${path}`);
    if (waiting) return waiting.entry ?? undefined;
    const row = this.db.get<EntryRow>('SELECT * FROM entry WHERE identity = ? AND path = ?', identity, path);
    if (!row || row.sum !== entrySum(row)) return undefined;
    return { status: row.status, version: row.version, body: row.body };
  }

  /** Versions above this one are of a state that the API server lost: anything else that is known counts for newer. */
  loseVersions(above: string): void {
    for (const row of this.db.all<EntryRow>("SELECT * FROM entry WHERE version <> ''")) {
      if (row.sum === entrySum(row) && compareVersions(row.version, above) > 0)
        this.write({ ...row, version: '' });
    }
  }

  count(): number {
    return this.db.get<{ n: number }>('SELECT COUNT(*) AS n FROM entry')?.n ?? 0;
  }

  pending(): { write: () => void; settled: () => void } | undefined {
    const now = this.onlineHours();
    const changes = [...this.dirty.values()].filter(({ identity, path, entry }) => {
      const before = this.db.get<EntryRow>(
        'SELECT digest, status, used FROM entry WHERE identity = ? AND path = ?',
        identity,
        path,
      );
      if (!entry) return before !== undefined;
      return before?.digest !== entry.digest || before.status !== entry.status || now - before.used >= 24;
    });
    if (changes.length === 0) {
      this.dirty.clear();
      return undefined;
    }
    return {
      write: () => {
        for (const { identity, path, entry } of changes) {
          if (entry) this.write({ identity, path, ...entry, used: now });
          else this.db.run('DELETE FROM entry WHERE identity = ? AND path = ?', identity, path);
        }
      },
      settled: () => this.dirty.clear(),
    };
  }

  private put(identity: string, path: string, entry: Pending): void {
    const key = `${identity}\n${path}`;
    const waiting = this.dirty.get(key)?.entry;
    // Two answers may overtake each other.
    if (
      waiting &&
      isVersion(waiting.version) &&
      isVersion(entry.version) &&
      compareVersions(waiting.version, entry.version) > 0
    )
      return;
    this.dirty.set(key, { identity, path, entry });
    this.onDirty();
  }

  private write(row: Omit<EntryRow, 'sum'>): void {
    const { identity, path, status, version, digest, body, used } = row;
    this.db.run(
      'INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      identity,
      path,
      status,
      version,
      digest,
      body,
      used,
      entrySum(row),
    );
  }
}

function entrySum({ identity, path, status, version, digest, body, used }: Omit<EntryRow, 'sum'>): number {
  return sumOf(identity, path, status, version, digest, body, used);
}
