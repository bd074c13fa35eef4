import { collectionKey, isPods } from '../cache/collection.ts';
import type { Request } from '../http1/server-connection.ts';
import type { Classified } from '../request/classify.ts';
import { upstreamHeaders } from '../request/headers.ts';
import type { Caller } from '../serve/identity.ts';
import type { ProxyContext } from './context.ts';
import { ListParser, type ParsedList } from './list-parser.ts';

/**
 * Reads what a watch watches as a list, for the cache alone, as the caller of the watch. Undefined when there is too much
 * of it to keep. Rejects when the list does not come.
 */
export async function listAgain(
  context: ProxyContext,
  caller: Caller,
  request: Request,
  { query, selection }: Classified & { type: 'watch' },
  signal: AbortSignal,
): Promise<ParsedList | undefined> {
  const selectors = new URLSearchParams();
  for (const name of ['fieldSelector', 'labelSelector']) {
    const value = query.get(name);
    if (value) selectors.set(name, value);
  }
  const target = request.url;
  const asNode = caller.type === 'node';
  const answer = await context.transport.send({
    method: 'GET',
    path: `${target.slice(0, target.indexOf('?'))}?${selectors}`,
    headers: upstreamHeaders(request.headers, asNode, {
      accept: 'application/json',
      'accept-encoding': 'identity',
    }),
    asNode,
    signal,
  });
  const parser = new ListParser(
    context.config.cache.maxListBytes,
    isPods(collectionKey(caller.identity, selection)),
  );
  await new Promise<void>((resolve, reject) => {
    answer.consume({
      data: (content) => content.forEach((block) => void parser.push(block)),
      end: (error) => (error ? reject(error) : resolve()),
    });
  });
  if (answer.status !== 200) throw new Error(`status ${answer.status}`);
  return parser.end();
}
