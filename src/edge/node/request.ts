import type { LiteApiserver } from '../lite-apiserver/index.ts';

export interface NodeRequest {
  method: string;
  path: string;
  /** Sent as JSON. */
  body?: unknown;
  /** Default application/json. */
  contentType?: string;
  signal: AbortSignal;
  timeoutMs: number;
}

/** Sends a request upstream with the node's certificate, past the cache. Rejects when there is no answer in time. */
export async function requestAsNode(
  { context }: Pick<LiteApiserver, 'context'>,
  { method, path, body, contentType = 'application/json', signal, timeoutMs }: NodeRequest,
): Promise<{ status: number; text: string }> {
  const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const answer = await context.transport.send({
    method,
    path,
    headers: {
      accept: 'application/json',
      'user-agent': 'edgeadm',
      ...(bytes && { 'content-type': contentType, 'content-length': bytes.length }),
    },
    asNode: true,
    body: bytes,
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
  });
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return { status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') };
}

/** What a Status says, for messages. */
export function statusMessage(text: string): string {
  try {
    return String((JSON.parse(text) as { message?: string }).message ?? '');
  } catch {
    return text.slice(0, 200);
  }
}
