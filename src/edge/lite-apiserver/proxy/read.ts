import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import type { AppliedFilters } from '../filters/chain.ts';
import type { Classified } from '../request/classify.ts';
import { clientHeaders, upstreamHeaders } from '../request/headers.ts';
import type { Caller } from '../serve/identity.ts';
import { learnToken, type ProxyContext } from './context.ts';
import { filterList, filterObject } from './filtered.ts';
import { keeperFor } from './keep.ts';
import { getFromCache, listFromCache, refuseOffline } from './offline.ts';
import { pump } from './pump.ts';

type Read = Classified & { type: 'list' | 'get' };

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
  const path = read.type === 'list' ? read.selection.path : read.path;
  const filters = path && context.filters.forRead({ caller, path });
  let answer: IncomingMessage;
  try {
    answer = await transport.send({
      method: 'GET',
      path: upstreamPath(request.url as string, read),
      headers: upstreamHeaders(request.headers, caller.type === 'node', {
        accept: read.accept,
        ...(filters && { 'accept-encoding': 'identity' }),
      }),
      asNode: caller.type === 'node',
      client: response,
    });
  } catch {
    if (response.destroyed) return 'client-gone';
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
  const keeper = keeperFor(context, caller, answer, read);
  // The cache gets its turn when the client has everything.
  if (keeper) response.once('close', () => answer.complete && setImmediate(() => void keeper.end()));
  if (!filters || status !== 200) {
    response.writeHead(status, answer.statusMessage, clientHeaders(answer.headers));
    pump(answer, response, keeper && ((block) => keeper.push(block)));
    return;
  }
  response.writeHead(status, clientHeaders({ ...answer.headers, 'content-length': undefined }));
  if (keeper) answer.on('data', (chunk: Buffer) => keeper.push(chunk));
  pipeline(answer, read.type === 'list' ? filterList(filters) : filterObject(filters), response, (error) => {
    if (error) response.destroy();
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
