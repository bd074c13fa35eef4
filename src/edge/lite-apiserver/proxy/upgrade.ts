import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { http } from '../../http.ts';
import { upstreamHeaders } from '../request/headers.ts';
import type { Caller } from '../serve/identity.ts';
import { status } from '../wire/status.ts';
import type { ProxyContext } from './context.ts';

/**
 * exec, attach and port-forward (SPDY or WebSocket): the connection itself is joined to one upstream. What the API server
 * answers other than 101 is passed on and ends the connection.
 */
export function forwardUpgrade(
  context: ProxyContext,
  caller: Caller,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  socket.on('error', () => socket.destroy());
  if (!context.link.online) {
    refuseUpgrade(socket, 503, 'an upgraded connection needs the API server');
    return;
  }
  const asNode = caller.type === 'node';
  const sent = context.transport.upgrade({
    method: request.method ?? 'GET',
    path: request.url as string,
    headers: upstreamHeaders(request.headers, asNode, {
      connection: 'Upgrade',
      upgrade: request.headers.upgrade ?? '',
    }),
    asNode,
  });
  socket.once('close', () => sent.destroy());
  sent.once('error', () => refuseUpgrade(socket, 503, 'the API server cannot be reached'));
  sent.once('response', (answer) => {
    socket.write(head1(answer));
    answer.pipe(socket);
  });
  sent.once('upgrade', (answer, upstream: Duplex, first: Buffer) => {
    socket.write(head1(answer));
    if (first.length > 0) socket.write(first);
    if (head.length > 0) upstream.write(head);
    upstream.once('error', () => socket.destroy());
    upstream.once('close', () => socket.destroy());
    socket.once('close', () => upstream.destroy());
    upstream.pipe(socket).pipe(upstream);
  });
}

export function refuseUpgrade(socket: Duplex, code: number, message: string): void {
  if (!socket.writable) return;
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
function head1(answer: IncomingMessage): string {
  const lines = [`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}`];
  const upgraded = answer.statusCode === 101;
  for (let index = 0; index + 1 < answer.rawHeaders.length; index += 2) {
    const name = answer.rawHeaders[index] as string;
    if (!upgraded && /^(connection|transfer-encoding|keep-alive)$/i.test(name)) continue;
    lines.push(`${name}: ${answer.rawHeaders[index + 1]}`);
  }
  if (!upgraded) lines.push('connection: close');
  return `${lines.join('\r\n')}\r\n\r\n`;
}
