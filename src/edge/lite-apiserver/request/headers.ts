import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';

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

/** Says who asks when a front proxy is trusted (`--requestheader-*`); nobody behind this proxy may say so. */
const remoteUser = /^x-remote-/;

/** Headers to send upstream. The node's own requests never carry another credential beside its certificate. */
export function upstreamHeaders(headers: IncomingHttpHeaders, asNode: boolean): OutgoingHttpHeaders {
  const result = endToEnd(headers);
  for (const name of Object.keys(result)) if (remoteUser.test(name)) delete result[name];
  delete result.host;
  delete result.expect;
  if (asNode) delete result.authorization;
  return result;
}

/** Headers of an upstream answer as the client gets them. */
export function clientHeaders(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  return endToEnd(headers);
}

function endToEnd(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const named = (headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase());
  const result: OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || hopByHop.has(name) || (named.includes(name) && name !== 'authorization'))
      continue;
    result[name] = value;
  }
  return result;
}
