import { addressFamily, type Family } from './cidr.ts';
import { isDnsSubdomain } from './names.ts';

export interface HostPort {
  /** IP address without brackets, or DNS name. */
  host: string;
  port: number | undefined;
  /** undefined for a DNS name. */
  family: Family | undefined;
}

/** What was read, or why it is no endpoint (`reason` goes on from the value: `"x" …`) and what to write instead. */
export type HostPortResult = { endpoint: HostPort } | { reason: string; suggestion?: string };

/**
 * Reads `host`, `host:port`, `ipv4:port`, `ipv6` or `[ipv6]:port`, as kubeadm does (app/util/endpoint.go).
 */
export function parseHostPort(text: string): HostPortResult {
  const scheme = /^[a-z][a-z0-9+.-]*:\/\/([^/]*)/i.exec(text);
  if (scheme) return { reason: 'is a URL', suggestion: scheme[1]! };
  if (text.includes('/')) return { reason: 'has a path', suggestion: text.slice(0, text.indexOf('/')) };
  if (text.includes('%'))
    return { reason: 'has an IPv6 zone, which certificates and other nodes cannot use' };

  if (text.startsWith('[')) {
    const match = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
    if (!match || addressFamily(match[1]!) !== 6) return { reason: 'is not [IPv6 address]:port' };
    if (match[2] === undefined)
      return { reason: 'has brackets but no port', suggestion: `${match[1]} or ${text}:6443` };
    return withPort(match[1]!, 6, match[2]);
  }
  const family = addressFamily(text);
  if (family) return { endpoint: { host: text, port: undefined, family } };
  const parts = text.split(':');
  if (parts.length > 2)
    return { reason: 'is not an IPv6 address; with a port it needs brackets: [::1]:6443' };
  const [host = '', port] = parts;
  const hostFamily = addressFamily(host);
  if (!hostFamily && /^[\d.]+$/.test(host)) return { reason: 'is not an IP address' };
  if (!hostFamily && !isDnsSubdomain(host)) {
    const lower = text.toLowerCase();
    if (lower !== text && isDnsSubdomain(host.toLowerCase()))
      return { reason: 'has upper-case letters', suggestion: lower };
    return { reason: 'has a host that is neither an IP address nor a DNS name' };
  }
  return port === undefined
    ? { endpoint: { host, port: undefined, family: hostFamily } }
    : withPort(host, hostFamily, port);
}

/** `host:port`, with brackets around an IPv6 address. */
export function formatHostPort(host: string, port: number | undefined): string {
  if (port === undefined) return host;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

export function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65535;
}

function withPort(host: string, family: Family | undefined, text: string): HostPortResult {
  const port = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!isPort(port)) return { reason: `has a port that is not a number from 1 to 65535: "${text}"` };
  return { endpoint: { host, port, family } };
}
