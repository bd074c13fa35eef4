import { objectPath } from '../request/path.ts';
import { selectedName } from '../request/selectors.ts';
import { type CollectionKey, isPods } from './collection.ts';
import { Collections } from './collections.ts';
import { Database, isCorruption } from './database.ts';
import { Entries } from './entries.ts';
import { Tokens } from './tokens.ts';

export interface StoreOptions {
  directory: string;
  flushIntervalMs: number;
  maxBytes: number;
  unusedDays: number;
  log: (message: string) => void;
}

/** Bursts of urgent changes are written together: a pod start is a dozen of them. */
const urgentDelayMs = 150;
/** How long a version that only bookmarks moved may stay unwritten, and a cache in memory where there is room by now. */
const headIntervalMs = 300_000;
const retryDelayMs = 10_000;

/**
 * The cache: collections, single entries, tokens, written behind in batches. Nothing in here throws for the state of the
 * disk: a corrupt file is set aside, a full disk makes it try again later, and the proxy goes on.
 */
export class Store {
  readonly db: Database;
  readonly collections: Collections;
  readonly entries: Entries;
  readonly tokens: Tokens;
  private readonly options: StoreOptions;
  private timer: { handle: NodeJS.Timeout; at: number } | undefined;
  private readonly heads: NodeJS.Timeout;
  private hours = 0;
  /** The last error of a write; undefined again when a batch was written. That something could be read says nothing of it. */
  private failure: string | undefined;
  flushes = 0;
  full = false;

  constructor(options: StoreOptions) {
    this.options = options;
    this.db = new Database(options.directory);
    if (this.db.inMemory) options.log(this.problem as string);
    else if (this.db.setAside) options.log(`the cache was not sound and was set aside: ${this.db.setAside}`);
    const onlineHours = () => this.hours;
    this.collections = new Collections(this.db, {
      onDirty: (urgent) => this.schedule(urgent ? urgentDelayMs : options.flushIntervalMs),
      onRotten: (what) => options.log(`${what} in the cache was not what had been written and was dropped`),
      onRemoved: (key, namespace, name) => this.forgetEntry(key, namespace, name),
      onlineHours,
    });
    this.entries = new Entries(this.db, {
      onDirty: () => this.schedule(options.flushIntervalMs),
      onlineHours,
    });
    this.tokens = new Tokens(this.db);
    this.guard(() => this.load());
    this.heads = setInterval(() => {
      this.flush(true);
      this.returnToDisk();
    }, headIntervalMs);
    this.heads.unref();
  }

  /** Reads what must be at hand. SQLite's quick check at the start compares no index: damage may first show here. */
  private load(): void {
    const hours = this.db.get<{ value: string }>("SELECT value FROM fact WHERE name = 'onlineHours'")?.value;
    this.hours = Number(hours ?? 0) || 0;
    this.collections.load();
    this.tokens.load();
  }

  /** Writes what waits. With `heads`, also versions that only bookmarks and heartbeats moved. */
  flush(heads = false): void {
    if (this.timer) clearTimeout(this.timer.handle);
    this.timer = undefined;
    this.guard(() => {
      const collections = this.collections.pending(heads);
      const entries = this.entries.pending();
      if (collections || entries) {
        this.db.transaction(collections?.urgent ?? false, () => {
          collections?.write();
          entries?.write();
        });
        collections?.settled();
        entries?.settled();
        this.flushes++;
        this.failure = undefined;
      }
    });
  }

  /** Runs work on the cache; undefined when the disk or the file is at fault. */
  guard<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (!(error as { errcode?: number }).errcode && !isCorruption(error)) throw error;
      this.failure = (error as Error).message;
      this.options.log(`cache: ${this.failure}`);
      if (isCorruption(error)) this.startOver(this.failure);
      else this.schedule(retryDelayMs);
      return undefined;
    }
  }

  /** Why the disk does not have what is known; undefined when it does. */
  get problem(): string | undefined {
    if (!this.db.inMemory) return this.failure;
    return `the cache is in memory only, until a file can be made: ${this.db.setAside ?? ''}`;
  }

  /**
   * Puts a cache that is in memory on the disk, if that can be done by now. Not before something was read as a whole: a
   * file that is there knows more than a node that could ask nobody.
   */
  returnToDisk(): void {
    if (!this.db.inMemory || ![...this.collections].some(({ complete }) => complete)) return;
    try {
      this.db.toDisk();
      this.options.log('the cache is on the disk again');
    } catch {
      // The status says that it is in memory, and why it came to be there.
    }
  }

  /** True while there is room for the reads of others than the node itself. */
  get hasRoom(): boolean {
    return !this.full;
  }

  /**
   * Once an hour online: counts the hour, drops what was not used for long, what belongs to pods that are gone, tokens
   * that ran out. Never called offline.
   */
  collectGarbage(nodeIdentity: string): void {
    this.guard(() => {
      this.hours++;
      const { db, collections, tokens } = this;
      const before = this.hours - this.options.unusedDays * 24;
      for (const collection of [...collections]) {
        if (collection.feeds > 0) collection.used = this.hours;
        else if (collection.used < before) collections.drop(collection);
      }
      db.transaction(false, () => {
        db.run("INSERT OR REPLACE INTO fact VALUES ('onlineHours', ?)", String(this.hours));
        db.run('DELETE FROM entry WHERE used < ?', before);
      });
      tokens.dropExpired(Date.now() / 1000);
      this.dropTokensOfGonePods(nodeIdentity);
      db.trim();
      const { bytes, free } = db.size();
      this.full = bytes - free > this.options.maxBytes;
      this.failure = undefined;
    });
  }

  /** The API server was restored to this version: objects of its own resources that are newer never were. */
  loseVersions(above: string): void {
    this.flush();
    this.guard(() => this.db.transaction(false, () => this.entries.loseVersions(above)));
  }

  /** What is deleted upstream leaves the single entries too; leaving a narrower selection proves nothing. */
  private forgetEntry(key: CollectionKey, namespace: string, name: string): void {
    if (key.labels !== '' || (key.fields !== '' && selectedName(key.fields) !== name)) return;
    this.entries.delete(key.identity, objectPath({ ...key, namespace, name }));
  }

  private dropTokensOfGonePods(nodeIdentity: string): void {
    const pods = [...this.collections].find(
      ({ key, complete, feeds }) =>
        key.identity === nodeIdentity &&
        isPods(key) &&
        key.fields.startsWith('spec.nodeName=') &&
        complete &&
        feeds > 0,
    );
    const rows = pods && this.collections.read(pods);
    if (!rows) return;
    const living = new Set(
      rows.map(({ body }) => (JSON.parse(body) as { metadata: { uid?: string } }).metadata.uid ?? ''),
    );
    this.tokens.dropOthers(living, Date.now() - 600_000);
  }

  close(): void {
    this.flush(true);
    clearInterval(this.heads);
    if (this.timer) clearTimeout(this.timer.handle);
    this.timer = undefined;
    this.guard(() => this.db.close());
  }

  private startOver(reason: string): void {
    this.db.startOver(reason);
    this.collections.startOver();
    try {
      this.tokens.startOver();
    } catch (error) {
      // On a disk that is full as well they stay in memory only.
      this.options.log(`cache: tokens were not written: ${(error as Error).message}`);
    }
    this.options.log('the cache was set aside and started anew');
  }

  private schedule(delayMs: number): void {
    const at = performance.now() + delayMs;
    if (this.timer && this.timer.at <= at) return;
    if (this.timer) clearTimeout(this.timer.handle);
    this.timer = { handle: setTimeout(() => this.flush(), delayMs), at };
  }
}
