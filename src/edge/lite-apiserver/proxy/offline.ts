import { type Collection, type CollectionKey, collectionKey } from '../cache/collection.ts';
import type { MemberRow } from '../cache/rows.ts';
import type { Store } from '../cache/store.ts';
import type { AppliedFilters } from '../filters/chain.ts';
import type { Response } from '../http1/response.ts';
import type { Classified, Selection } from '../request/classify.ts';
import { headerList } from '../request/headers.ts';
import { objectPath } from '../request/path.ts';
import type { Caller } from '../serve/identity.ts';
import { type ApiObject, compareVersions } from '../wire/object.ts';
import { sendStatus } from '../wire/status.ts';
import type { ProxyContext } from './context.ts';

/** Tells a reader of headers that the answer is not fresh. */
export const cacheHeader = 'x-edge-cache';

/**
 * Refuses with 503. A write says when to try again, which client-go then does by itself, up to ten times; a read does not,
 * as its caller would sit through all of them before it learns anything.
 */
export function refuseOffline(
  context: ProxyContext,
  response: Response,
  what: string,
  isWrite: boolean,
): void {
  const { link, config } = context;
  const since = link.since.toISOString();
  sendStatus(response, 503, `${what}: this node has been offline since ${since}`, {
    ...(isWrite ? { retryAfterSeconds: config.offline.retryAfterSeconds } : {}),
  });
}

/**
 * State of a selection as this caller last read it; undefined when there is no complete one. One namespace can be told
 * from all of them.
 */
export function cached(
  { store }: ProxyContext,
  caller: Caller,
  selection: Selection,
): { collection: Collection; rows: MemberRow[] } | undefined {
  store.flush();
  const key = collectionKey(caller.identity, selection);
  const exact = complete(store, key);
  if (exact || key.namespace === '') return exact;
  const all = complete(store, { ...key, namespace: '' });
  return (
    all && {
      collection: all.collection,
      rows: all.rows.filter(({ namespace }) => namespace === key.namespace),
    }
  );
}

function complete(
  store: Store,
  key: CollectionKey,
): { collection: Collection; rows: MemberRow[] } | undefined {
  const collection = store.collections.find(key);
  const rows = collection && store.guard(() => store.collections.read(collection));
  return rows && { collection, rows };
}

/** Bodies as the caller shall see them. */
export function* seen(rows: readonly MemberRow[], filters: AppliedFilters | undefined): Generator<string> {
  for (const { body } of rows) {
    if (!filters) yield body;
    else {
      const object = filters(JSON.parse(body) as ApiObject);
      if (object) yield JSON.stringify(object);
    }
  }
}

/** Answers a LIST from the cache. False when it is not in there. */
export async function listFromCache(
  context: ProxyContext,
  caller: Caller,
  read: Classified & { type: 'list' },
  response: Response,
): Promise<boolean> {
  const found = cached(context, caller, read.selection);
  if (!found) return false;
  const { collection, rows } = found;
  const filters = context.filters.forRead({ caller, path: read.selection.path });
  response.writeHead(200, headerList({ 'content-type': 'application/json', [cacheHeader]: 'offline' }));
  for (const block of listText(collection, seen(rows, filters))) {
    if (!response.write(block)) await response.drained();
    if (response.destroyed) break;
  }
  response.end();
  return true;
}

const blockSize = 32 << 10;

function* listText({ apiVersion, kind, version }: Collection, bodies: Iterable<string>): Generator<string> {
  const head = { kind: `${kind}List`, apiVersion, metadata: { resourceVersion: version } };
  let block = `${JSON.stringify(head).slice(0, -1)},"items":[`;
  let first = true;
  for (const body of bodies) {
    block += first ? body : `,${body}`;
    first = false;
    if (block.length > blockSize) {
      yield block;
      block = '';
    }
  }
  yield `${block}]}\n`;
}

/** Answers a GET from the cache: from what was read by name, or from a collection of the same caller, whichever is newer. */
export function getFromCache(
  context: ProxyContext,
  caller: Caller,
  read: Classified & { type: 'get' },
  response: Response,
): boolean {
  const { store } = context;
  store.flush();
  const entry = store.guard(() => store.entries.get(caller.identity, entryPath(read)));
  const { path } = read;
  const member = path && store.guard(() => store.collections.member(caller.identity, path));
  let status = entry?.status ?? 200;
  let body = entry?.body;
  if (member && (!entry || entry.status === 404 || compareVersions(member.version, entry.version) >= 0)) {
    status = 200;
    body = member.body;
  }
  if (body === undefined) return false;
  if (path && status === 200) {
    const filters = context.filters.forRead({ caller, path });
    if (filters) {
      const object = filters(JSON.parse(body) as ApiObject);
      if (!object) return false;
      body = JSON.stringify(object);
    }
  }
  const bytes = Buffer.from(body);
  const length = String(bytes.length);
  response.writeHead(
    status,
    headerList({ 'content-type': 'application/json', 'content-length': length, [cacheHeader]: 'offline' }),
  );
  response.end(bytes);
  return true;
}

/** Where the answer to a GET is kept. */
export function entryPath(read: Classified & { type: 'get' }): string {
  return read.path ? objectPath(read.path) : read.entry;
}
