import { isIP, SocketAddress } from 'node:net';

/**
 * One spelling per address (RFC 5952), or undefined for what is no address. An IPv4 address in IPv6 form is the IPv4
 * address, as it is for the signer (Go's net.IP).
 */
export function canonicalIp(text: string): string | undefined {
  const version = isIP(text);
  if (version === 0 || text.includes('%')) return undefined;
  const { address } = new SocketAddress({ address: text, family: version === 4 ? 'ipv4' : 'ipv6' });
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address);
  return mapped?.[1] ?? address;
}
