import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import { collectionKey } from '../cache/collection.ts';
import { isPods } from '../cache/collections.ts';
import type { AppliedFilters } from '../filters/chain.ts';
import type { Classified } from '../request/classify.ts';
import { clientHeaders, upstreamHeaders } from '../request/headers.ts';
import type { Caller } from '../serve/identity.ts';
import type { ApiObject } from '../wire/object.ts';
import { learnToken, type ProxyContext } from './context.ts';
import { filterList, filterObject } from './filtered.ts';
import { ListParser, Tee } from './list-parser.ts';
import { entryPath, getFromCache, listFromCache, refuseOffline } from './offline.ts';

type Read = Classified & { type: 'list' | 'get' };

const maxEntryBytes = 4 << 20;

/** LIST and GET: from upstream and on into the cache, or from the cache. Resolves with how it was answered. */
export async function handleRead(
  context: ProxyContext,
  caller: Caller,
  request: IncomingMessage,
  response: ServerResponse,
  read: Read,
): Promise<string> {
  const { link, transport } = context;
  if (!link.online) return fromCache(context, caller, response, read);
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const path = read.type === 'list' ? read.selection.path : read.path;
  const filters = path && context.filters.forRead({ caller, path });
  let answer: IncomingMessage;
  try {
    answer = await transport.send({
      method: 'GET',
      path: upstreamPath(request.url as string, read),
      headers: {
        ...upstreamHeaders(request.headers, caller.type === 'node'),
        accept: read.accept,
        ...(filters ? { 'accept-encoding': 'identity' } : {}),
      },
      asNode: caller.type === 'node',
      signal: gone.signal,
    });
  } catch {
    if (gone.signal.aborted) return 'client-gone';
    return fromCache(context, caller, response, read);
  }
  learnToken(context, caller, request.headers.authorization, answer.statusCode ?? 0);
  pass(context, caller, answer, response, read, filters);
  return 'upstream';
}

async function fromCache(
  context: ProxyContext,
  caller: Caller,
  response: ServerResponse,
  read: Read,
): Promise<string> {
  const served =
    read.type === 'list'
      ? await listFromCache(context, caller, read, response)
      : getFromCache(context, caller, read, response);
  if (served) return 'cache';
  refuseOffline(context, response, 'this was not read before', false);
  return 'refused';
}

function pass(
  context: ProxyContext,
  caller: Caller,
  answer: IncomingMessage,
  response: ServerResponse,
  read: Read,
  filters: AppliedFilters | undefined,
): void {
  const status = answer.statusCode ?? 502;
  const headers = clientHeaders(answer.headers);
  keepAnswer(context, caller, answer, read);
  const end = (error: unknown) => {
    if (error) response.destroy();
  };
  if (filters && status === 200) {
    delete headers['content-length'];
    response.writeHead(status, headers);
    pipeline(answer, read.type === 'list' ? filterList(filters) : filterObject(filters), response, end);
  } else {
    response.writeHead(status, answer.statusMessage, headers);
    pipeline(answer, response, end);
  }
}

/** Second reader of the answer's bytes, for the cache. Never delays the client and never fails it. */
function keepAnswer(context: ProxyContext, caller: Caller, answer: IncomingMessage, read: Read): void {
  const { store, denials } = context;
  const status = answer.statusCode ?? 0;
  const key = `${caller.identity}\n${read.type === 'get' ? entryPath(read) : JSON.stringify(collectionKey(caller.identity, read.selection))}`;
  if (status === 403 || status === 404) refused(context, caller, answer, read, key);
  if (status !== 200 || !/^application\/json/.test(answer.headers['content-type'] ?? '')) return;
  denials.granted(key);
  if (caller.type !== 'node' && !store.hasRoom) return;
  if (read.type === 'list') keepList(context, caller, answer, read);
  else {
    void collect(answer, (text) => {
      if (!read.path) store.entries.putText(caller.identity, read.entry, 200, text);
      else store.entries.putObject(caller.identity, entryPath(read), JSON.parse(text) as ApiObject);
    });
  }
}

function keepList(
  context: ProxyContext,
  caller: Caller,
  answer: IncomingMessage,
  read: Classified & { type: 'list' },
): void {
  const { store, config, metrics } = context;
  const key = collectionKey(caller.identity, read.selection);
  const parser = new ListParser(config.cache.maxListBytes, isPods(key));
  const tee = new Tee(answer.headers['content-encoding'], (chunk) => {
    context.memory.spent(chunk.length);
    parser.push(chunk);
  });
  answer.on('data', (chunk: Buffer) => tee.push(chunk));
  answer.once('end', async () => {
    if (!answer.complete || !(await tee.end())) return;
    try {
      const list = parser.end();
      const collection = list && store.collections.ensure(key);
      const taken =
        list &&
        collection &&
        store.guard(() => store.collections.replace(collection, list.fill, list.version, list.type));
      metrics.count('cache_fills_total', { outcome: taken ? 'ok' : 'refused' });
    } catch {
      metrics.count('cache_fills_total', { outcome: 'failed' });
    }
  });
}

/** The API server said no. That is passed on as it is, and what was read before does not outlive it. */
function refused(
  context: ProxyContext,
  caller: Caller,
  answer: IncomingMessage,
  read: Read,
  key: string,
): void {
  const { store, denials } = context;
  if (answer.statusCode === 404) {
    if (read.type === 'list' || !read.path) return;
    const path = entryPath(read);
    const { resource, group } = read.path;
    if (group === '' && (resource === 'configmaps' || resource === 'secrets')) {
      void collect(answer, (text) => store.entries.putText(caller.identity, path, 404, text));
    } else store.entries.delete(caller.identity, path);
    return;
  }
  if (caller.type === 'node' || !denials.refused(key)) return;
  if (read.type === 'get') store.entries.delete(caller.identity, entryPath(read));
  else {
    const collection = store.collections.find(collectionKey(caller.identity, read.selection));
    if (collection) store.guard(() => store.collections.drop(collection));
  }
}

async function collect(answer: IncomingMessage, use: (text: string) => void): Promise<void> {
  const parts: Buffer[] = [];
  let size = 0;
  const tee = new Tee(answer.headers['content-encoding'], (chunk) => {
    size += chunk.length;
    if (size <= maxEntryBytes) parts.push(chunk);
  });
  answer.on('data', (chunk: Buffer) => tee.push(chunk));
  answer.once('end', async () => {
    if (!answer.complete || !(await tee.end()) || size > maxEntryBytes) return;
    try {
      use(Buffer.concat(parts).toString());
    } catch {
      // An answer that is no JSON object is the client's affair only.
    }
  });
}

/** Pages would leave the cache with the first one only, so a list is asked for whole. */
export function upstreamPath(target: string, read: Read): string {
  if (read.type !== 'list' || !read.query.has('limit')) return target;
  const query = new URLSearchParams(read.query);
  query.delete('limit');
  const path = target.slice(0, target.indexOf('?'));
  return query.size === 0 ? path : `${path}?${query}`;
}
