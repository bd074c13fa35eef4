import http from 'node:http';
import https from 'node:https';
import { EdgeadmError } from '../errors.ts';
import { apiError, KubeApiError } from './api-error.ts';
import type { Connection } from './kubeconfig.ts';
import { networkFault } from './network-error.ts';
import type { KubeObject } from './types.ts';

/** One line of a watch (metav1.WatchEvent). The object of an ERROR is a metav1.Status. */
export interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: KubeObject & { code?: number; reason?: string; message?: string };
}

/** Beyond it a line is no object of a sane cluster: etcd refuses requests above 1.5 MiB. */
const maxLineLength = 8 << 20;

const keepAliveMs = 15_000;

/**
 * Opens a watch and yields its events until the server ends it. One try, one connection of its own. `idleTimeoutMs`
 * ends it with E_TIMEOUT when nothing came for so long (a link that died without a word).
 * Errors: KubeApiError (status of the answer), E_KUBE_API, E_TIMEOUT, the signal's reason.
 */
export async function* openWatch(
  connection: Connection,
  path: string,
  options: { signal: AbortSignal; idleTimeoutMs: number },
): AsyncGenerator<WatchEvent, void, undefined> {
  const { server } = connection;
  const what = `watch ${path.split('?')[0]}`;
  let sent: http.ClientRequest | undefined;
  let idle: Error | undefined;
  try {
    const answer = await new Promise<http.IncomingMessage>((resolve, reject) => {
      options.signal.throwIfAborted();
      connection.headers().then((headers) => {
        sent = request(connection, path, headers, options);
        sent.on('timeout', () => {
          idle = Object.assign(new Error('nothing came in time'), { code: 'ETIMEDOUT' });
          sent?.destroy(idle);
        });
        sent.on('response', resolve).on('error', reject).end();
      }, reject);
    });
    answer.setEncoding('utf8');
    if (answer.statusCode !== 200) {
      const text = await shortText(answer);
      throw apiError(what, { status: answer.statusCode ?? 0, headers: answer.headers, text });
    }
    yield* parseLines(answer);
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof EdgeadmError) throw error;
    const { kind, text } = networkFault(idle ?? error, server.host);
    throw new EdgeadmError(kind === 'timeout' ? 'E_TIMEOUT' : 'E_KUBE_API', `${what}: ${text}`, {
      cause: error,
    });
  } finally {
    sent?.destroy();
  }
}

function request(
  { server, tls, proxyUrl }: Connection,
  path: string,
  headers: Record<string, string>,
  { signal, idleTimeoutMs }: { signal: AbortSignal; idleTimeoutMs: number },
): http.ClientRequest {
  const module = server.protocol === 'http:' ? http : https;
  const url = new URL(server.pathname.replace(/\/$/, '') + path, server);
  const sent = module.request(url, {
    ...tls,
    headers: { accept: 'application/json', 'user-agent': 'edgeadm', ...headers },
    agent: proxyUrl ? new https.Agent({ ...tls, proxyEnv: { HTTPS_PROXY: proxyUrl } }) : false,
    signal,
    timeout: idleTimeoutMs,
  });
  // Probes find a link that died without a word within half a minute, far sooner than the idle time-out.
  sent.on('socket', (socket) => socket.setKeepAlive(true, keepAliveMs));
  return sent;
}

/** Splits JSON lines. A line that the end of the connection cut off is an error, as any other cut. */
export async function* parseLines(
  chunks: AsyncIterable<string>,
): AsyncGenerator<WatchEvent, void, undefined> {
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') yield parse(line);
    if (rest.length > maxLineLength)
      throw new EdgeadmError('E_KUBE_API', `a watch sent a line of more than ${maxLineLength} bytes`);
  }
  if (rest.trim() !== '') yield parse(rest);
}

function parse(line: string): WatchEvent {
  let event: WatchEvent;
  try {
    event = JSON.parse(line) as WatchEvent;
  } catch (cause) {
    throw new EdgeadmError('E_KUBE_API', `a watch sent what is not JSON: ${line.slice(0, 100)}`, { cause });
  }
  if (event.type !== 'ERROR') return event;
  const { code = 500, reason = '', message = 'no message' } = event.object;
  throw new KubeApiError(code, reason, `watch: ${reason || code}: ${message}`, {});
}

async function shortText(answer: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const chunk of answer) {
    text += chunk;
    if (text.length > 64 * 1024) break;
  }
  return text;
}
