import type { IncomingHttpHeaders } from 'node:http';

/** Names and values in turn. As a list they are written as they are; of an object Node.js makes a map first. */
export type HeaderList = string[];

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
  headers: IncomingHttpHeaders,
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
export function clientHeaders(headers: IncomingHttpHeaders, own: Record<string, string> = {}): HeaderList {
  const result = headerList(own);
  endToEnd(result, headers, (name) => hopByHop.has(name) || Object.hasOwn(own, name));
  return result;
}

export function headerList(headers: Readonly<Record<string, string>>): HeaderList {
  return Object.entries(headers).flat();
}

function endToEnd(into: HeaderList, headers: IncomingHttpHeaders, drop: (name: string) => boolean): void {
  const named = headers.connection?.split(',').map((name) => name.trim().toLowerCase()) ?? [];
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || drop(name)) continue;
    if (named.includes(name) && name !== 'authorization') continue;
    if (typeof value === 'string') into.push(name, value);
    else for (const one of value) into.push(name, one);
  }
}
