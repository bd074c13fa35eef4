import { collectionKey, isPods } from '../cache/collection.ts';
import type { Answer } from '../http1/client-connection.ts';
import type { Classified } from '../request/classify.ts';
import type { Caller } from '../serve/identity.ts';
import type { ApiObject } from '../wire/object.ts';
import type { ProxyContext } from './context.ts';
import { ListParser, Tee } from './list-parser.ts';
import { entryPath } from './offline.ts';

type Read = Classified & { type: 'list' | 'get' };

/** Second reader of an answer's bytes, for the cache. Never delays the client and never fails it. */
export interface Keeper {
  push(content: readonly Buffer[]): void;
  /** To be called when the answer was whole and the client has it. */
  end(): Promise<void>;
}

const maxEntryBytes = 4 << 20;

/** A plain object of the API, not a Table, a stream of bytes or the like. */
export const isJson = (answer: Answer): boolean =>
  answer.header('content-type')?.startsWith('application/json') ?? false;

/** What an answer means to the cache; undefined when there is nothing in it to keep. */
export function keeperFor(
  context: ProxyContext,
  caller: Caller,
  answer: Answer,
  read: Read,
): Keeper | undefined {
  const { store, denials } = context;
  const { status } = answer;
  const key =
    read.type === 'get'
      ? `${caller.identity}\n${entryPath(read)}`
      : JSON.stringify(collectionKey(caller.identity, read.selection));
  if (status === 404) return keepAbsence(context, caller, answer, read);
  if (status === 403) forgetRefused(context, caller, read, key);
  if (status !== 200 || !isJson(answer)) return undefined;
  denials.granted(key);
  if (caller.type !== 'node' && !store.hasRoom) return undefined;
  if (read.type === 'list') return keepList(context, caller, answer, read);
  return keepText(answer, (text) => {
    if (!read.path) store.entries.putText(caller.identity, read.entry, 200, text);
    else store.entries.putObject(caller.identity, entryPath(read), JSON.parse(text) as ApiObject);
  });
}

function keepList(
  context: ProxyContext,
  caller: Caller,
  answer: Answer,
  read: Classified & { type: 'list' },
): Keeper {
  const { store, config, metrics, memory } = context;
  const key = collectionKey(caller.identity, read.selection);
  const parser = new ListParser(config.cache.maxListBytes, isPods(key));
  const tee = new Tee(answer.header('content-encoding'), (chunk) => {
    memory.spent(chunk.length);
    parser.push(chunk);
  });
  const end = async () => {
    let outcome = 'failed';
    try {
      const list = (await tee.end()) ? parser.end() : undefined;
      const collection = list && store.guard(() => store.collections.ensure(key));
      const replace = () =>
        list && collection && store.collections.replace(collection, list.fill, list.version, list.type);
      outcome = store.guard(replace) ? 'ok' : 'refused';
    } catch {
      // An answer that is no List is the client's affair only.
    }
    metrics.count('cache_fills_total', { outcome });
  };
  return { push: (content) => content.forEach((block) => void tee.push(block)), end };
}

/** Optional ConfigMaps and Secrets: that there is none is worth knowing. Any other object is just gone. */
function keepAbsence(context: ProxyContext, caller: Caller, answer: Answer, read: Read): Keeper | undefined {
  if (read.type === 'list' || !read.path) return undefined;
  const { entries } = context.store;
  const path = entryPath(read);
  const { resource, group } = read.path;
  if (group === '' && (resource === 'configmaps' || resource === 'secrets')) {
    return keepText(answer, (text) => entries.putText(caller.identity, path, 404, text));
  }
  entries.delete(caller.identity, path);
  return undefined;
}

/** What was read before does not outlive a refusal that lasts. */
function forgetRefused({ store, denials }: ProxyContext, caller: Caller, read: Read, key: string): void {
  if (caller.type === 'node' || !denials.refused(key)) return;
  if (read.type === 'get') {
    store.entries.delete(caller.identity, entryPath(read));
    return;
  }
  const collection = store.collections.find(collectionKey(caller.identity, read.selection));
  if (collection) store.guard(() => store.collections.drop(collection));
}

function keepText(answer: Answer, use: (text: string) => void): Keeper {
  const parts: Buffer[] = [];
  let size = 0;
  const tee = new Tee(answer.header('content-encoding'), (chunk) => {
    size += chunk.length;
    if (size <= maxEntryBytes) parts.push(chunk);
  });
  const end = async () => {
    if (!(await tee.end()) || size > maxEntryBytes) return;
    try {
      use(Buffer.concat(parts).toString());
    } catch {
      // An answer that is no JSON object is the client's affair only.
    }
  };
  return { push: (content) => content.forEach((block) => void tee.push(block)), end };
}
