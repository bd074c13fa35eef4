import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { isIP } from 'node:net';
import { oid, sequence, tlv } from './der.ts';

/**
 * PKCS#10 requests for tests (RFC 2986), well-formed and hostile; the DER is written here and not with the library that
 * the code under test reads it with. Signed as kubelets sign: ECDSA P-256 with SHA-256.
 */
export interface CsrOptions {
  /** Pairs of object identifier and value; default what `nodeName` says. */
  subject?: [oid: string, value: string | Buffer][];
  nodeName?: string;
  sans?: readonly San[];
  key?: 'ec' | 'rsa';
  /** Each a whole Attribute; default one extensionRequest with the SANs. */
  attributes?: Buffer[];
  /** Each a whole Extension, beside the SANs. */
  extensions?: Buffer[];
  version?: number;
}

/** A name by its kind; a bare text is a DNS name or an IP address. */
export type San = string | { tag: number; content: Buffer };

export const oids = { commonName: '2.5.4.3', organization: '2.5.4.10', unit: '2.5.4.11' } as const;

const keys: Partial<Record<'ec' | 'rsa', { publicKey: KeyObject; privateKey: KeyObject }>> = {};

export function createCsr(options: CsrOptions = {}): string {
  return pem(createCsrDer(options));
}

export function pem(der: Buffer): string {
  const base64 = der.toString('base64').replace(/(.{64})(?=.)/g, '$1\n');
  return `-----BEGIN CERTIFICATE REQUEST-----\n${base64}\n-----END CERTIFICATE REQUEST-----\n`;
}

export function createCsrDer(options: CsrOptions = {}): Buffer {
  const { nodeName = 'n1', sans = [nodeName], key = 'ec', extensions = [] } = options;
  keys[key] ??=
    key === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { publicKey, privateKey } = keys[key];
  const subject = options.subject ?? [
    [oids.organization, 'system:nodes'],
    [oids.commonName, `system:node:${nodeName}`],
  ];
  const attributes = options.attributes ?? [extensionRequest(sanExtension(sans), ...extensions)];
  const info = sequence(
    tlv(0x02, Buffer.from([options.version ?? 0])),
    sequence(...subject.map(([id, value]) => tlv(0x31, sequence(oid(id), text(value))))),
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa0, ...attributes),
  );
  const algorithm =
    key === 'ec' ? sequence(oid('1.2.840.10045.4.3.2')) : sequence(oid('1.2.840.113549.1.1.11'), tlv(0x05));
  const signature = sign('sha256', info, privateKey);
  return sequence(info, algorithm, tlv(0x03, Buffer.concat([Buffer.from([0]), signature])));
}

export const extensionRequest = (...extensions: Buffer[]) =>
  attribute('1.2.840.113549.1.9.14', sequence(...extensions));

export const attribute = (id: string, ...values: Buffer[]) => sequence(oid(id), tlv(0x31, ...values));

export const sanExtension = (sans: readonly San[]) =>
  extension('2.5.29.17', sequence(...sans.map(generalName)));

export const extension = (id: string, value: Buffer) => sequence(oid(id), tlv(0x04, value));

export const dnsName = (name: string): San => ({ tag: 0x82, content: Buffer.from(name, 'latin1') });
export const email = (address: string): San => ({ tag: 0x81, content: Buffer.from(address) });
export const uri = (address: string): San => ({ tag: 0x86, content: Buffer.from(address) });
export const ipBytes = (...bytes: number[]): San => ({ tag: 0x87, content: Buffer.from(bytes) });

function text(value: string | Buffer): Buffer {
  return typeof value === 'string' ? tlv(0x0c, Buffer.from(value)) : value;
}

function generalName(san: San): Buffer {
  if (typeof san !== 'string') return tlv(san.tag, san.content);
  return isIP(san) === 0 ? tlv(0x82, Buffer.from(san)) : tlv(0x87, ipOctets(san));
}

function ipOctets(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail = ''] = address.split('::');
  const groups = (part: string) =>
    part
      .split(':')
      .filter(Boolean)
      .map((group) => Number.parseInt(group, 16));
  const [before, after] = [groups(head), groups(tail)];
  const zeros = new Array(8 - before.length - after.length).fill(0);
  const octets = Buffer.alloc(16);
  for (const [index, group] of [...before, ...zeros, ...after].entries())
    octets.writeUInt16BE(group, index * 2);
  return octets;
}
