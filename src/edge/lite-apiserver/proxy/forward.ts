import type { IncomingMessage, ServerResponse } from 'node:http';
import { clientHeaders, upstreamHeaders } from '../request/headers.ts';
import type { ApiPath } from '../request/path.ts';
import type { Caller } from '../serve/identity.ts';
import { isUnreachable, LinkDown } from '../upstream/errors.ts';
import { learnToken, type ProxyContext } from './context.ts';
import { refuseOffline } from './offline.ts';
import { isPodStatus, noteEndedPod } from './overlay.ts';
import { pump } from './pump.ts';
import { leasePath } from './revision.ts';

/** Everything that the cache does not understand: passed on as it is, refused while there is no link. */
export async function forward(
  context: ProxyContext,
  caller: Caller,
  request: IncomingMessage,
  response: ServerResponse,
  path: ApiPath | undefined,
): Promise<string> {
  const { link, transport, history } = context;
  const method = request.method ?? 'GET';
  const isWrite = !['GET', 'HEAD', 'OPTIONS'].includes(method);
  if (!link.online) {
    if (path && isPodStatus(caller, method, path)) await noteEndedPod(context, caller, request, path);
    refuseOffline(context, response, `${method} needs the API server`, isWrite);
    return 'refused';
  }
  const asNode = caller.type === 'node';
  const hasBody =
    request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined;
  const sent = Date.now();
  let answer: IncomingMessage;
  try {
    answer = await transport.send({
      method,
      path: request.url as string,
      headers: upstreamHeaders(request.headers, asNode),
      asNode,
      ...(hasBody ? { body: request } : {}),
      client: response,
    });
  } catch (error) {
    if (response.destroyed) return 'client-gone';
    // A POST that was on its way may have been carried out: then the caller must find out by itself.
    const repeatable = method !== 'POST' && error instanceof LinkDown;
    if (isUnreachable(error) || repeatable)
      refuseOffline(context, response, `${method} needs the API server`, isWrite);
    else response.destroy();
    return 'refused';
  }
  learnToken(context, caller, request.headers.authorization, answer.statusCode ?? 0);
  if (asNode && isWrite && answer.statusCode === 200 && isOwnLease(context, request)) history.renewed = sent;
  response.writeHead(answer.statusCode ?? 502, answer.statusMessage, clientHeaders(answer.headers));
  if (!answer.complete) response.flushHeaders();
  pump(answer, response);
  return 'upstream';
}

const isOwnLease = ({ config }: ProxyContext, { url }: IncomingMessage): boolean =>
  url?.replace(/\?.*$/, '') === leasePath(config.nodeName);
