import { type Collection, Fill, isPods } from '../cache/collection.ts';
import type { Store } from '../cache/store.ts';
import { objectPath } from '../request/path.ts';
import { compareVersions, isBookmarkOfInitialEvents, isVersion, type WatchEvent } from '../wire/object.ts';
import type { ParsedList } from './list-parser.ts';

export interface FeedOptions {
  store: Store;
  collection: Collection;
  maxListBytes: number;
  /** Reads the same selection as a full list, with the credentials of the watch. */
  listAgain: (signal: AbortSignal) => Promise<ParsedList | undefined>;
  count: (outcome: 'ok' | 'refused' | 'failed') => void;
}

const maxWaiting = 5000;
const firstRepairMs = 500;
const longestRepairMs = 60_000;

/**
 * Keeps one collection current with the events of one watch. A watch that starts at or before the collection's version
 * has no gap and is applied; one that starts later (the cache was lost or is behind after a crash) lets its events wait
 * until a list of its own has closed the gap.
 */
export class Feed {
  private readonly options: FeedOptions;
  private state: 'off' | 'initial' | 'attached' | 'repair' = 'off';
  private generation = -1;
  private fill: Fill | undefined;
  private waiting: WatchEvent[] = [];
  private overflowed = false;
  private repairing: AbortController | undefined;

  constructor(options: FeedOptions) {
    this.options = options;
  }

  /** `version` is where the watch starts; undefined when it sends initial events that end with a bookmark. */
  attach(version: string | undefined): void {
    const { collection } = this.options;
    if (version === undefined) {
      this.state = 'initial';
      this.fill = new Fill(this.options.maxListBytes);
    } else if (
      collection.complete &&
      isVersion(version) &&
      compareVersions(version, collection.version) <= 0
    ) {
      this.join();
    } else this.repair(firstRepairMs);
  }

  event(event: WatchEvent): void {
    if (event.type === 'ERROR') return;
    if (this.state === 'attached') {
      if (this.generation === this.options.collection.generation) this.apply(event);
      else {
        this.leave();
        this.repair(firstRepairMs);
        this.waiting.push(event);
      }
    } else if (this.state === 'initial') this.collect(event);
    else if (this.state === 'repair' && this.waiting.push(event) > maxWaiting) {
      this.waiting = [];
      this.overflowed = true;
    }
  }

  /** The stream stands still or is over. */
  detach(): void {
    this.leave();
    this.repairing?.abort();
    this.repairing = undefined;
    this.fill = undefined;
    this.waiting = [];
    this.state = 'off';
  }

  private collect(event: WatchEvent): void {
    const { store, collection } = this.options;
    const type = { apiVersion: event.object.apiVersion ?? '', kind: event.object.kind ?? '' };
    if (!isBookmarkOfInitialEvents(event)) {
      if (event.type === 'ADDED') this.fill?.add(event.object, type, isPods(collection.key));
      return;
    }
    const { fill } = this;
    const version = event.object.metadata.resourceVersion;
    this.fill = undefined;
    const taken = fill && store.guard(() => store.collections.replace(collection, fill, version, type));
    this.options.count(taken ? 'ok' : 'refused');
    // What is there may be older than this stream (too large, or a full disk): then it has a gap.
    if (taken) this.join();
    else if (fill?.fits && isVersion(version)) this.attach(version);
    else this.state = 'off';
  }

  private apply(event: WatchEvent): void {
    const { store, collection } = this.options;
    store.guard(() => {
      store.collections.apply(collection, event);
      const { key } = collection;
      const { name = '', namespace = '', uid = '' } = event.object.metadata;
      if (event.type === 'DELETED' && isPods(key) && key.identity.startsWith('node:'))
        store.tokens.dropPod(uid);
      if (event.type === 'ADDED' && (key.resource === 'configmaps' || key.resource === 'secrets')) {
        store.entries.forgetAbsence(key.identity, objectPath({ ...key, namespace, name }));
      }
    });
  }

  private join(): void {
    const { collection } = this.options;
    this.state = 'attached';
    this.generation = collection.generation;
    collection.feeds++;
  }

  private leave(): void {
    if (this.state === 'attached') this.options.collection.feeds--;
    this.state = 'off';
  }

  private repair(delayMs: number): void {
    this.state = 'repair';
    const controller = new AbortController();
    this.repairing = controller;
    const timer = setTimeout(
      () => void this.close(controller.signal, delayMs),
      delayMs * (1 + Math.random()),
    );
    controller.signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  }

  private async close(signal: AbortSignal, delayMs: number): Promise<void> {
    const { store, collection, listAgain, count } = this.options;
    const again = () => this.repair(Math.min(delayMs * 3, longestRepairMs));
    let list: ParsedList | undefined;
    try {
      list = await listAgain(signal);
    } catch {
      if (signal.aborted) return;
      count('failed');
      again();
      return;
    }
    if (signal.aborted) return;
    const taken =
      list && store.guard(() => store.collections.replace(collection, list.fill, list.version, list.type));
    count(taken ? 'ok' : 'refused');
    // Not taken beside a living stream means that the stream is newer than the list.
    if (taken || (list && collection.feeds > 0)) {
      if (this.overflowed) again();
      else this.catchUp();
    } else if (list?.fill.fits && isVersion(String(list.version))) again();
    else this.state = 'off';
    this.overflowed = false;
  }

  private catchUp(): void {
    const { waiting } = this;
    this.waiting = [];
    this.join();
    for (const event of waiting) this.event(event);
  }
}
