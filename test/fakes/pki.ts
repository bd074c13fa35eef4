import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { isIP } from 'node:net';
import { oid, sequence, tlv } from './der.ts';

/**
 * X.509 certificates for tests, since node:crypto reads but does not make them. DER as in RFC 5280, ECDSA P-256 with
 * SHA-256; only what a TLS client and server look at: validity, names, basic constraints.
 */
export interface KeyPair {
  cert: string;
  key: string;
}

export interface CertificateOptions {
  commonName: string;
  organization?: string;
  /** DNS names and IP addresses. */
  names?: string[];
  ca?: boolean;
  /** Default: a day ago. */
  notBefore?: Date;
  /** Default: in a day. */
  notAfter?: Date;
  /** Default: self-signed. */
  issuer?: Authority;
  /** Default: a new P-256 key. Its signature is not looked at when it is of another kind. */
  privateKey?: KeyObject;
  /** For somebody who keeps the key that belongs to it. */
  publicKey?: KeyObject;
}

export interface Authority extends KeyPair {
  subject: Buffer;
  privateKey: KeyObject;
  publicKey: KeyObject;
}

const day = 86_400_000;
let serial = 1;

export function createCertificate(options: CertificateOptions): Authority {
  const made = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const privateKey = options.privateKey ?? made.privateKey;
  const publicKey =
    options.publicKey ?? (options.privateKey ? createPublicKey(options.privateKey) : made.publicKey);
  const subject = name(options.commonName, options.organization);
  const algorithm = sequence(oid('1.2.840.10045.4.3.2'));
  const extensions = [
    extension('2.5.29.19', sequence(...(options.ca ? [tlv(0x01, Buffer.from([0xff]))] : [])), true),
    ...(options.names ? [extension('2.5.29.17', sequence(...options.names.map(alternativeName)))] : []),
  ];
  const body = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))),
    tlv(0x02, Buffer.from([0x01, serial >> 8, serial++ & 0xff])),
    algorithm,
    options.issuer?.subject ?? subject,
    sequence(
      time(options.notBefore ?? new Date(Date.now() - day)),
      time(options.notAfter ?? new Date(Date.now() + day)),
    ),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, sequence(...extensions)),
  );
  const signature = sign('sha256', body, options.issuer?.privateKey ?? privateKey);
  const der = sequence(body, algorithm, tlv(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const base64 = der.toString('base64').replace(/(.{64})(?=.)/g, '$1\n');
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    subject,
    privateKey,
    publicKey,
  };
}

/** As kubeadm prints it, computed here without the code under test. */
export function expectedHash(authority: Authority): string {
  const der = authority.publicKey.export({ type: 'spki', format: 'der' });
  return `sha256:${createHash('sha256').update(der).digest('hex')}`;
}

function name(commonName: string, organization?: string): Buffer {
  const part = (id: string, value: string) => tlv(0x31, sequence(oid(id), tlv(0x0c, Buffer.from(value))));
  return sequence(...(organization ? [part('2.5.4.10', organization)] : []), part('2.5.4.3', commonName));
}

/** GeneralizedTime, which has four digits for the year. */
function time(date: Date): Buffer {
  return tlv(0x18, Buffer.from(`${date.toISOString().replace(/[-:T]|\.\d+/g, '')}`));
}

function extension(id: string, value: Buffer, critical = false): Buffer {
  return sequence(oid(id), ...(critical ? [tlv(0x01, Buffer.from([0xff]))] : []), tlv(0x04, value));
}

function alternativeName(text: string): Buffer {
  return isIP(text) === 4
    ? tlv(0x87, Buffer.from(text.split('.').map(Number)))
    : tlv(0x82, Buffer.from(text));
}
