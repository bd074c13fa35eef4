import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';

/** Raised when the form of the tables changes: an older file is set aside, as everything in it can be read again. */
const formatVersion = 1;
/** What a cache that returns to the disk leaves to others there. */
const spareBytes = 16 << 20;

// Rows with a body have a rowid: without one, whatever is longer than a quarter of a page needs a page more.
const schema = `
CREATE TABLE collection (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  api_version TEXT NOT NULL,
  kind TEXT NOT NULL,
  version TEXT NOT NULL,
  complete INTEGER NOT NULL,
  overlaid INTEGER NOT NULL,
  members INTEGER NOT NULL,
  synced INTEGER NOT NULL,
  used INTEGER NOT NULL,
  sum INTEGER NOT NULL
);
CREATE TABLE member (
  collection INTEGER NOT NULL,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  digest TEXT NOT NULL,
  body TEXT NOT NULL,
  sum INTEGER NOT NULL,
  PRIMARY KEY (collection, namespace, name)
);
CREATE TABLE entry (
  identity TEXT NOT NULL,
  path TEXT NOT NULL,
  status INTEGER NOT NULL,
  version TEXT NOT NULL,
  digest TEXT NOT NULL,
  body TEXT NOT NULL,
  used INTEGER NOT NULL,
  sum INTEGER NOT NULL,
  PRIMARY KEY (identity, path)
);
CREATE TABLE token (
  key TEXT PRIMARY KEY,
  pod_uid TEXT NOT NULL,
  body TEXT NOT NULL,
  stored INTEGER NOT NULL,
  sum INTEGER NOT NULL
);
CREATE TABLE accepted (
  hash TEXT PRIMARY KEY,
  identity TEXT NOT NULL,
  expires INTEGER NOT NULL,
  sum INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
`;

/** The file has content that cannot be trusted. */
class CorruptCache extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CorruptCache';
  }
}

/**
 * One SQLite file, WAL, mode 0600, in a folder that only root enters. Opening never fails for what is in the file: a
 * file that is not sound is set aside (one of them is kept for a look) and an empty one takes its place. A file that is
 * there is opened on a full disk too. Where none can be made the cache lives in memory, until `toDisk` can make one.
 */
export class Database {
  readonly file: string;
  /** Why the last file was set aside; undefined when it was sound. */
  setAside: string | undefined;
  /** Bytes of rows handed to SQLite since the start. */
  logicalBytes = 0;
  private db: DatabaseSync;
  private readonly statements = new Map<string, StatementSync>();
  private durable = false;

  constructor(directory: string) {
    this.file = join(directory, 'cache.db');
    try {
      makeFolder(directory);
      // Of a return to the disk that was cut off.
      rmSync(`${this.file}.new`, { force: true });
      this.db = open(this.file);
    } catch (error) {
      this.setAside = (error as Error).message;
      this.db = isCorruption(error) ? orInMemory(() => replace(this.file)) : open(':memory:');
    }
  }

  /** No file could be made. */
  get inMemory(): boolean {
    return this.db.location() === null;
  }

  /** Sets the file aside while running and goes on with an empty one. */
  startOver(reason: string): void {
    this.setAside = reason;
    this.statements.clear();
    try {
      this.db.close();
    } catch {
      // A broken file may refuse even this; it is moved away all the same.
    }
    this.db = orInMemory(() => replace(this.file));
    this.durable = false;
  }

  /**
   * Leaves memory for a file, as a whole or not at all. A file that is there by now is set aside. Throws while none can be
   * made, or where it would leave less room on the disk than it takes.
   */
  toDisk(): void {
    const directory = dirname(this.file);
    const copy = `${this.file}.new`;
    makeFolder(directory);
    const { bavail, bsize } = statfsSync(directory);
    if (bavail * bsize < 2 * this.size().bytes + spareBytes) throw new Error('there is no room for it');
    try {
      // SQLite takes a file that is empty; made here, nobody else can read it at any time.
      writeFileSync(copy, '', { mode: 0o600 });
      this.db.prepare('VACUUM INTO ?').run(copy);
      sync(copy);
      moveAside(this.file);
      renameSync(copy, this.file);
      sync(directory);
    } catch (error) {
      rmSync(copy, { force: true });
      throw error;
    }
    const db = open(this.file);
    this.statements.clear();
    this.db.close();
    this.db = db;
    this.durable = false;
  }

  run(sql: string, ...values: (string | number)[]): number {
    for (const value of values) this.logicalBytes += typeof value === 'string' ? value.length : 8;
    return Number(this.statement(sql).run(...values).changes);
  }

  all<Row>(sql: string, ...values: (string | number)[]): Row[] {
    return this.statement(sql).all(...values) as Row[];
  }

  get<Row>(sql: string, ...values: (string | number)[]): Row | undefined {
    return this.statement(sql).get(...values) as Row | undefined;
  }

  /** All or nothing. `durable` waits until the disk has it; otherwise the last seconds may be lost with the power. */
  transaction(durable: boolean, work: () => void): void {
    if (durable !== this.durable) {
      this.db.exec(`PRAGMA synchronous = ${durable ? 'FULL' : 'NORMAL'}`);
      this.durable = durable;
    }
    this.db.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.db.exec('COMMIT');
    } catch (error) {
      if (this.db.isTransaction) this.db.exec('ROLLBACK');
      throw error;
    }
  }

  /** Bytes of the file, and of those the unused ones. */
  size(): { bytes: number; free: number } {
    const pragma = (name: string) => Number(Object.values(this.get<object>(`PRAGMA ${name}`) ?? {})[0] ?? 0);
    const page = pragma('page_size');
    return { bytes: pragma('page_count') * page, free: pragma('freelist_count') * page };
  }

  /** Gives unused pages back to the file system. */
  trim(): void {
    this.db.exec('PRAGMA incremental_vacuum');
  }

  close(): void {
    this.statements.clear();
    if (this.db.isOpen) this.db.close();
  }

  private statement(sql: string): StatementSync {
    let statement = this.statements.get(sql);
    if (!statement) {
      statement = this.db.prepare(sql);
      this.statements.set(sql, statement);
    }
    return statement;
  }
}

/** SQLITE_CORRUPT, SQLITE_NOTADB, and our own findings. */
export function isCorruption(error: unknown): boolean {
  const code = (error as { errcode?: number }).errcode;
  return error instanceof CorruptCache || (code !== undefined && [11, 26].includes(code & 0xff));
}

function open(file: string): DatabaseSync {
  const previous = process.umask(0o077);
  const db = new DatabaseSync(file);
  try {
    // This process alone has it, so SQLite needs no file for the index of the WAL, which a full disk has no room for.
    db.exec('PRAGMA locking_mode = EXCLUSIVE');
    const version = Number(Object.values(db.prepare('PRAGMA user_version').get() ?? {})[0]);
    // Before anything else is written, and never again: it writes also where nothing changes.
    if (version === 0) db.exec('PRAGMA auto_vacuum = INCREMENTAL');
    db.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -1024;' +
        'PRAGMA wal_autocheckpoint = 1000; PRAGMA journal_size_limit = 4194304; PRAGMA temp_store = MEMORY',
    );
    if (file !== ':memory:') chmodSync(file, 0o600);
    if (version === 0) db.exec(`BEGIN; ${schema}; PRAGMA user_version = ${formatVersion}; COMMIT`);
    else if (version !== formatVersion)
      throw new CorruptCache(`the file has format ${version}, not ${formatVersion}`);
    const tables = db.prepare('SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid').all();
    if (tables.map(({ sql }) => `${sql};\n`).join('') !== schema.trimStart())
      throw new CorruptCache('its tables are not those of this format');
    const finding = Object.values(db.prepare('PRAGMA quick_check(1)').get() ?? {})[0];
    if (finding !== 'ok') throw new CorruptCache(String(finding));
    return db;
  } catch (error) {
    try {
      db.close();
    } catch {
      // The reason to give up is the first error.
    }
    const sql = (error as { errcode?: number }).errcode === 1;
    throw sql ? new CorruptCache((error as Error).message) : error;
  } finally {
    process.umask(previous);
  }
}

function replace(file: string): DatabaseSync {
  moveAside(file);
  return open(file);
}

function moveAside(file: string): void {
  if (existsSync(file)) renameSync(file, `${file}.corrupt`);
  for (const suffix of ['-wal', '-shm']) rmSync(file + suffix, { force: true });
}

function makeFolder(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
}

function sync(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function orInMemory(make: () => DatabaseSync): DatabaseSync {
  try {
    return make();
  } catch {
    return open(':memory:');
  }
}
