import ipaddr from 'ipaddr.js';

export type Family = 4 | 6;

/** A network: its family, first address and prefix length. */
export interface Cidr {
  family: Family;
  network: bigint;
  prefix: number;
}

export interface Address {
  family: Family;
  value: bigint;
}

const width = { 4: 32, 6: 128 } as const;

/**
 * Reads an IP address without brackets, port or zone. undefined when it is none: also for shorthand (`10.1`), numbers
 * with leading zeros, and IPv4-mapped IPv6, which programs read in different ways.
 */
export function parseAddress(text: string): Address | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text) && !/(^|\.)0\d/.test(text)) {
    return { family: 4, value: toValue(ipaddr.IPv4.parse(text)) };
  }
  if (!text.includes(':') || text.includes('%') || !ipaddr.IPv6.isValid(text)) return undefined;
  const address = ipaddr.IPv6.parse(text);
  return address.isIPv4MappedAddress() ? undefined : { family: 6, value: toValue(address) };
}

/** The family of an IP address, undefined when the text is none. */
export function addressFamily(text: string): Family | undefined {
  return parseAddress(text)?.family;
}

/** RFC 5952 or dotted form. */
export function formatAddress({ family, value }: Address): string {
  const bytes = Array.from({ length: width[family] / 8 }, (_, index) =>
    Number((value >> BigInt(width[family] - 8 * (index + 1))) & 255n),
  );
  const address = ipaddr.fromByteArray(bytes);
  return address.kind() === 'ipv6' ? (address as ipaddr.IPv6).toRFC5952String() : address.toString();
}

/** A CIDR that was read, or why it is none (`reason` goes on from the value: `"x" has …`) and what to write. */
export type CidrResult = { cidr: Cidr } | { reason: string; suggestion?: string };

export function parseCidr(text: string): CidrResult {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  if (!match) {
    const bare = parseAddress(text);
    if (bare) return { reason: 'has no prefix length', suggestion: `${text}/${width[bare.family]}` };
    return { reason: 'is not a CIDR' };
  }
  const address = parseAddress(match[1]!);
  if (!address) return { reason: 'is not a CIDR' };
  const prefix = Number(match[2]);
  if (prefix > width[address.family]) {
    return { reason: `has a prefix length over ${width[address.family]}` };
  }
  const network = mask(address.value, address.family, prefix);
  const cidr = { family: address.family, network, prefix };
  if (network !== address.value) {
    return { reason: 'has host bits set', suggestion: formatCidr(cidr) };
  }
  return { cidr };
}

/** The network that an address with prefix (`192.168.1.5/24`, or without: the address alone) is in. */
export function networkOf(text: string): Cidr | undefined {
  const [host = '', length] = text.split('/');
  const address = parseAddress(host);
  if (!address) return undefined;
  const prefix = length === undefined ? width[address.family] : Number(length);
  return { family: address.family, network: mask(address.value, address.family, prefix), prefix };
}

export function formatCidr(cidr: Cidr): string {
  return `${formatAddress({ family: cidr.family, value: cidr.network })}/${cidr.prefix}`;
}

/** An address of a network by its place in it; 0 is the network's own. */
function addressAt(cidr: Cidr, index: bigint): string {
  return formatAddress({ family: cidr.family, value: cidr.network + index });
}

/**
 * ClusterIP of the Service `kubernetes`: the first address of the first service network
 * (k8s.io/kubernetes/pkg/controlplane/services.go, ServiceIPRange).
 */
export function kubernetesServiceAddress(serviceSubnet: string): string | undefined {
  const network = networkOf(serviceSubnet.split(',')[0]!.trim());
  return network && addressAt(network, 1n);
}

export function overlaps(a: Cidr, b: Cidr): boolean {
  if (a.family !== b.family) return false;
  const prefix = Math.min(a.prefix, b.prefix);
  return mask(a.network, a.family, prefix) === mask(b.network, b.family, prefix);
}

export function contains(cidr: Cidr, address: Address): boolean {
  return cidr.family === address.family && mask(address.value, cidr.family, cidr.prefix) === cidr.network;
}

/** Number of addresses, the network's own and the broadcast address among them. */
export function size(cidr: Cidr): bigint {
  return 1n << BigInt(width[cidr.family] - cidr.prefix);
}

function mask(value: bigint, family: Family, prefix: number): bigint {
  const host = BigInt(width[family] - prefix);
  return (value >> host) << host;
}

function toValue(address: ipaddr.IPv4 | ipaddr.IPv6): bigint {
  return address.toByteArray().reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}
