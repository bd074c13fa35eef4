import type { Duplex } from 'node:stream';
import { http } from '../../http.ts';
import type { Answer } from '../http1/client-connection.ts';
import type { Request } from '../http1/server-connection.ts';
import { upstreamHeaders } from '../request/headers.ts';
import type { Caller } from '../serve/identity.ts';
import { status } from '../wire/status.ts';
import type { ProxyContext } from './context.ts';

/**
 * exec, attach and port-forward (SPDY or WebSocket): the connection itself is joined to one upstream. What the API server
 * answers other than 101 is passed on and ends the connection.
 */
export async function forwardUpgrade(
  context: ProxyContext,
  caller: Caller,
  request: Request,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  socket.on('error', () => socket.destroy());
  if (!context.link.online) {
    refuseUpgrade(socket, 503, 'an upgraded connection needs the API server');
    return;
  }
  const asNode = caller.type === 'node';
  const gone = new AbortController();
  socket.once('close', () => gone.abort());
  let answer: Answer;
  try {
    answer = await context.transport.upgrade({
      method: request.method,
      path: request.url,
      headers: upstreamHeaders(request.headers, asNode, {
        connection: 'Upgrade',
        upgrade: request.header('upgrade') ?? '',
      }),
      asNode,
      signal: gone.signal,
    });
  } catch {
    refuseUpgrade(socket, 503, 'the API server cannot be reached');
    return;
  }
  socket.write(headOf(answer), 'latin1');
  if (!answer.upgraded) {
    socket.resume();
    answer.consume({
      data: (content) => content.forEach((block) => void socket.write(block)),
      end: (error) => void (error ? socket.destroy() : socket.end()),
    });
    return;
  }
  const { socket: upstream, rest } = answer.upgraded;
  if (rest.length > 0) socket.write(rest);
  if (head.length > 0) upstream.write(head);
  upstream.once('error', () => socket.destroy());
  upstream.once('close', () => socket.destroy());
  socket.once('close', () => upstream.destroy());
  upstream.pipe(socket).pipe(upstream);
}

export function refuseUpgrade(socket: Duplex, code: number, message: string): void {
  if (!socket.writable) return;
  // So that the end of the client is noticed.
  socket.resume();
  const body = JSON.stringify(status(code, message));
  const head = [
    `HTTP/1.1 ${code} ${http.STATUS_CODES[code] ?? 'Error'}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

/** Head of an answer as it came; a body that follows ends with the connection. */
function headOf({ status: code, message, headers, upgraded }: Answer): string {
  const lines = [`HTTP/1.1 ${code} ${message}`];
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index]!;
    if (!upgraded && /^(connection|transfer-encoding|keep-alive)$/.test(name)) continue;
    lines.push(`${name}: ${headers[index + 1]}`);
  }
  if (!upgraded) lines.push('connection: close');
  return `${lines.join('\r\n')}\r\n\r\n`;
}
