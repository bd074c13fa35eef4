import { readWhole } from '../lite-apiserver/http1/incoming.ts';
import type { LiteApiserver } from '../lite-apiserver/index.ts';
import { headerList } from '../lite-apiserver/request/headers.ts';

/** Sends a request to the API server with the node's own identity. Rejects for answers of 400 and above. */
export type Send = <T>(method: string, path: string, body?: unknown, signal?: AbortSignal) => Promise<T>;

export interface NodeRequest {
  method: string;
  path: string;
  /** Sent as JSON. */
  body?: unknown;
  /** Default application/json. */
  contentType?: string;
  signal?: AbortSignal | undefined;
  /** Default: without end. */
  timeoutMs?: number;
}

const maxBytes = 16 << 20;

/** Sends a request upstream with the node's certificate, past the cache. Rejects when there is no answer in time. */
export async function requestAsNode(
  { context }: Pick<LiteApiserver, 'context'>,
  { method, path, body, contentType = 'application/json', signal, timeoutMs }: NodeRequest,
): Promise<{ status: number; text: string }> {
  const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const answer = await context.transport.send({
    method,
    path,
    headers: headerList({
      accept: 'application/json',
      'user-agent': 'edgeadm',
      ...(bytes && { 'content-type': contentType, 'content-length': String(bytes.length) }),
    }),
    asNode: true,
    body: bytes,
    signal:
      timeoutMs === undefined
        ? signal
        : AbortSignal.any([...(signal ? [signal] : []), AbortSignal.timeout(timeoutMs)]),
  });
  const text = (await readWhole(answer, maxBytes)).toString('utf8');
  return { status: answer.status, text };
}

/** Sends and reads JSON with the node's certificate; it waits as long as the signal of a request lets it. */
export function sender({ proxy }: { proxy: Pick<LiteApiserver, 'context'> }, contentType?: string): Send {
  return async <T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> => {
    const { status, text } = await requestAsNode(proxy, {
      ...{ method, path, body, signal },
      ...(contentType && { contentType }),
    });
    if (status >= 400) throw new Error(`${method} ${path}: status ${status} ${statusMessage(text)}`.trim());
    return JSON.parse(text) as T;
  };
}

/** What a Status says, for messages. */
export function statusMessage(text: string): string {
  try {
    return String((JSON.parse(text) as { message?: string }).message ?? '');
  } catch {
    return text.slice(0, 200);
  }
}
