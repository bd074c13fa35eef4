import http from 'node:http';
import https from 'node:https';

export interface HttpsRequest {
  url: URL;
  method: string;
  headers?: Record<string, string>;
  body?: string;
  agent?: http.Agent | undefined;
  /** From the first byte sent to the last one received; then the error has the code ETIMEDOUT. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  /** The answer is cut off with an error beyond this many bytes. Default 64 MiB. */
  maxBytes?: number;
}

export interface HttpsAnswer {
  status: number;
  headers: http.IncomingHttpHeaders;
  text: string;
}

const coded = (code: string, message: string) => Object.assign(new Error(message), { code });

/**
 * One HTTP exchange on node:https, the lightest client that can do client certificates. Never retries, never
 * follows redirects; a status of any kind is an answer. Rejects with the system's or OpenSSL's error as it is, or with
 * the signal's reason.
 */
export function exchange(request: HttpsRequest): Promise<HttpsAnswer> {
  const { url, method, body, timeoutMs, signal } = request;
  const maxBytes = request.maxBytes ?? 64 << 20;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const module = url.protocol === 'http:' ? http : https;
    const headers: Record<string, string | number> = { ...request.headers };
    if (body !== undefined) headers['content-length'] = Buffer.byteLength(body);
    const sent = module.request(url, { method, headers, agent: request.agent });
    const timer = setTimeout(() => sent.destroy(coded('ETIMEDOUT', 'no answer in time')), timeoutMs);
    const onAbort = () => sent.destroy(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    const fail = (error: unknown) => {
      settle();
      reject(signal?.aborted ? signal.reason : error);
    };
    sent.on('error', fail);
    sent.on('response', (answer) => {
      const chunks: Buffer[] = [];
      let size = 0;
      answer.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxBytes) sent.destroy(coded('EMSGSIZE', `the answer is larger than ${maxBytes} bytes`));
        else chunks.push(chunk);
      });
      answer.on('error', fail);
      answer.on('close', () => {
        if (!answer.complete)
          fail(coded('ECONNRESET', 'the connection was closed in the middle of an answer'));
      });
      answer.on('end', () => {
        if (!answer.complete) return;
        settle();
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          text: Buffer.concat(chunks).toString('utf8'),
        });
      });
    });
    sent.end(body);
  });
}
