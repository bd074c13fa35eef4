import type { Answer } from '../http1/client-connection.ts';
import type { Response } from '../http1/response.ts';
import type { Request } from '../http1/server-connection.ts';
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
  request: Request,
  response: Response,
  path: ApiPath | undefined,
): Promise<string> {
  const { link, transport, history } = context;
  const { method } = request;
  const isWrite = !['GET', 'HEAD', 'OPTIONS'].includes(method);
  if (!link.online) {
    if (path && isPodStatus(caller, method, path)) await noteEndedPod(context, caller, request, path);
    refuseOffline(context, response, `${method} needs the API server`, isWrite);
    return 'refused';
  }
  const asNode = caller.type === 'node';
  const coding = request.length === 'chunked' ? { 'transfer-encoding': 'chunked' } : {};
  const sent = Date.now();
  let answer: Answer;
  try {
    answer = await transport.send({
      method,
      path: request.url,
      headers: upstreamHeaders(request.headers, asNode, coding),
      asNode,
      ...(request.hasBody ? { body: request } : {}),
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
  learnToken(context, caller, request.header('authorization'), answer.status);
  if (asNode && isWrite && answer.status === 200 && isOwnLease(context, request)) history.renewed = sent;
  response.writeHead(answer.status, clientHeaders(answer.headers), answer.message);
  if (!answer.complete) response.flushHeaders();
  pump(answer, response);
  return 'upstream';
}

const isOwnLease = ({ config }: ProxyContext, { url }: Request): boolean =>
  url.replace(/\?.*$/, '') === leasePath(config.nodeName);
