import { kubeTime } from '../../../kube/time.ts';
import { readWhole } from '../http1/incoming.ts';
import type { Response } from '../http1/response.ts';
import type { Request } from '../http1/server-connection.ts';
import { clientHeaders, headerList, upstreamHeaders } from '../request/headers.ts';
import type { ApiPath } from '../request/path.ts';
import { bearerCaller, type Caller } from '../serve/identity.ts';
import { decodeTokenRequest, type TokenRequestSpec } from '../wire/protobuf.ts';
import { sendStatus } from '../wire/status.ts';
import type { ProxyContext } from './context.ts';
import { cacheHeader, refuseOffline } from './offline.ts';

const maxBytes = 256 << 10;
/** So short that the kubelet asks again soon after the link is back, so long that it does not take it for expired. */
const replayedMs = 5 * 60_000;

interface TokenRequest {
  kind?: string;
  spec?: { expirationSeconds?: number };
  status?: { token?: string; expirationTimestamp?: string };
}

/**
 * The kubelet asks for a pod's token. Online the API server issues it, and it is kept; offline the last real one for the
 * same service account, audiences and pod is given again, said to expire soon. Never is one made here.
 */
export async function handleToken(
  context: ProxyContext,
  caller: Caller,
  request: Request,
  response: Response,
  path: ApiPath,
): Promise<string> {
  const body = await readWhole(request, maxBytes).catch(() => undefined);
  if (!body) {
    sendStatus(response, 413, 'the TokenRequest is too large', { close: true });
    return 'refused';
  }
  const spec = caller.type === 'node' ? specOf(body, request.header('content-type')) : undefined;
  const key = spec && {
    identity: caller.identity,
    namespace: path.namespace,
    serviceAccount: path.name,
    spec,
  };
  if (context.link.online) {
    try {
      await fromUpstream();
      return 'upstream';
    } catch {
      if (response.headersSent || response.destroyed) {
        response.destroy();
        return 'upstream';
      }
    }
  }
  const kept = key && context.store.guard(() => context.store.tokens.get(key));
  if (!kept) {
    refuseOffline(context, response, 'no such token was issued on this node before', true);
    return 'refused';
  }
  replay(kept, response);
  return 'cache';

  async function fromUpstream(): Promise<void> {
    const asNode = caller.type === 'node';
    const headers = upstreamHeaders(request.headers, asNode, {
      'content-length': String((body as Buffer).length),
      ...(key && { accept: 'application/json', 'accept-encoding': 'identity' }),
    });
    const answer = await context.transport.send({
      method: 'POST',
      path: request.url,
      headers,
      asNode,
      body: body as Buffer,
    });
    const bytes = await readWhole(answer, maxBytes);
    const { status } = answer;
    response.writeHead(status, clientHeaders(answer.headers, { 'content-length': String(bytes.length) }));
    response.end(bytes);
    if (key && status === 201) keepToken(context, key, bytes.toString());
  }
}

function keepToken(
  context: ProxyContext,
  key: Parameters<ProxyContext['store']['tokens']['put']>[0],
  text: string,
): void {
  const { store } = context;
  let token: string | undefined;
  try {
    token = (JSON.parse(text) as TokenRequest).status?.token;
  } catch {
    return;
  }
  if (!token) return;
  store.guard(() => store.tokens.put(key, text));
  // One for other audiences is not for the API server, so it is no reason to serve its bearer.
  if (key.spec.audiences.length > 0) return;
  const bearer = bearerCaller(token);
  if (bearer.type === 'bearer')
    store.guard(() => store.tokens.accept(bearer.tokenHash, bearer.identity, token));
}

function replay(kept: string, response: Response): void {
  const tokenRequest = JSON.parse(kept) as TokenRequest;
  const expirationTimestamp = kubeTime(Date.now() + replayedMs);
  const bytes = Buffer.from(
    JSON.stringify({ ...tokenRequest, status: { ...tokenRequest.status, expirationTimestamp } }),
  );
  const length = String(bytes.length);
  response.writeHead(
    201,
    headerList({ 'content-type': 'application/json', 'content-length': length, [cacheHeader]: 'offline' }),
  );
  response.end(bytes);
}

/** What is asked for; undefined when it is in no form that is understood: then it is only forwarded. */
export function specOf(body: Buffer, contentType: string | undefined): TokenRequestSpec | undefined {
  if (/protobuf/.test(contentType ?? '')) return decodeTokenRequest(body);
  try {
    const { spec } = JSON.parse(body.toString()) as { spec?: Partial<TokenRequestSpec> };
    const { audiences, expirationSeconds, boundObjectRef } = spec ?? {};
    if (audiences && !audiences.every((audience) => typeof audience === 'string')) return undefined;
    const { kind = '', apiVersion = '', name = '', uid = '' } = boundObjectRef ?? {};
    return {
      audiences: audiences ?? [],
      expirationSeconds,
      boundObjectRef: boundObjectRef && { kind, apiVersion, name, uid },
    };
  } catch {
    return undefined;
  }
}
