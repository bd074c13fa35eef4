import { type HeaderList, listOf } from '../http1/head.ts';

/** Of one connection only (RFC 9110 section 7.6.1). */
const hopByHop = new Set([
  ...[
    'connection',
    'keep-alive',
    'proxy-authenticate',
    'proxy-authorization',
    'proxy-connection',
    'te',
    'trailer',
  ],
  ...['transfer-encoding', 'upgrade', 'http2-settings'],
]);
/** The connection's own too, or said anew for the way upstream. */
const notUpstream = new Set([...hopByHop, 'host', 'expect']);

/** Says who asks when a front proxy is trusted (`--requestheader-*`); nobody behind this proxy may say so. */
const remoteUser = 'x-remote-';

/** Headers to send upstream; `own` take the place of the caller's. The node's own requests never carry another credential beside its certificate. */
export function upstreamHeaders(
  headers: HeaderList,
  asNode: boolean,
  own: Record<string, string> = {},
): HeaderList {
  const result = headerList(own);
  endToEnd(
    result,
    headers,
    (name) =>
      notUpstream.has(name) ||
      name.startsWith(remoteUser) ||
      (asNode && name === 'authorization') ||
      Object.hasOwn(own, name),
  );
  return result;
}

/** Headers of an upstream answer as the client gets them; `own` take the place of the API server's. */
export function clientHeaders(headers: HeaderList, own: Record<string, string> = {}): HeaderList {
  const result = headerList(own);
  endToEnd(result, headers, (name) => hopByHop.has(name) || Object.hasOwn(own, name));
  return result;
}

export function headerList(headers: Readonly<Record<string, string>>): HeaderList {
  const result: HeaderList = [];
  for (const name in headers) result.push(name, headers[name]!);
  return result;
}

function endToEnd(into: HeaderList, headers: HeaderList, drop: (name: string) => boolean): void {
  const connection = listOf(headers, 'connection');
  const named =
    connection === undefined ? undefined : new Set(connection.toLowerCase().split(/[ \t]*,[ \t]*/));
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index]!;
    if (drop(name) || (named?.has(name) && name !== 'authorization')) continue;
    into.push(name, headers[index + 1]!);
  }
}
