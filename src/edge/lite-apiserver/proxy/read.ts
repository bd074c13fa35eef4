import type { AppliedFilters } from '../filters/chain.ts';
import type { Answer } from '../http1/client-connection.ts';
import type { Response } from '../http1/response.ts';
import type { Request } from '../http1/server-connection.ts';
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
  request: Request,
  response: Response,
  read: Read,
): Promise<string> {
  const { link, transport } = context;
  if (!link.online) return fromCache(context, caller, response, read);
  const path = read.type === 'list' ? read.selection.path : read.path;
  const filters = path && context.filters.forRead({ caller, path });
  let answer: Answer;
  try {
    answer = await transport.send({
      method: 'GET',
      path: upstreamPath(request.url, read),
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
  learnToken(context, caller, request.header('authorization'), answer.status);
  pass(context, caller, answer, response, read, filters);
  return 'upstream';
}

async function fromCache(
  context: ProxyContext,
  caller: Caller,
  response: Response,
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
  answer: Answer,
  response: Response,
  read: Read,
  filters: AppliedFilters | undefined,
): void {
  const { status } = answer;
  const keeper = keeperFor(context, caller, answer, read);
  if (keeper) response.whenClosed(() => answer.complete && context.later.add(() => void keeper.end()));
  const onContent = keeper && ((content: readonly Buffer[]) => keeper.push(content));
  if (!filters || status !== 200) {
    response.writeHead(status, clientHeaders(answer.headers), answer.message);
    pump(answer, response, onContent);
    return;
  }
  const headers = clientHeaders(answer.headers).filter(
    (_, index, all) => all[index - (index % 2)] !== 'content-length',
  );
  response.writeHead(status, headers);
  const parts: Buffer[] = [];
  const write = (part: Buffer | string) =>
    void parts.push(typeof part === 'string' ? Buffer.from(part) : part);
  const filtering = read.type === 'list' ? filterList(filters, write) : filterObject(filters, write);
  /** What a step wrote leaves in one piece. */
  const through = (step: () => void): boolean => {
    try {
      step();
      if (!response.write(Buffer.concat(parts.splice(0)))) answer.pause();
      return true;
    } catch {
      response.destroy();
      return false;
    }
  };
  response.whenRoom(() => answer.resume());
  answer.consume({
    data(content) {
      onContent?.(content);
      through(() => content.forEach((block) => void filtering.push(block)));
    },
    end(error) {
      if (error) response.destroy();
      else if (through(() => filtering.end())) response.end();
    },
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
