import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import { isIP } from 'node:net';
import * as asn1 from 'asn1js';
import ipaddr from 'ipaddr.js';
import { EdgeadmError } from '../errors.ts';
import { context, dnsName, exact, fromDer, ipAddress, oid, relativeName, sequence } from './asn1.ts';

export interface CertificatePair {
  /** PEM. */
  certificate: string;
  /** PKCS#8, PEM. */
  key: string;
}

export interface CertificateRequest {
  commonName: string;
  usage: 'server' | 'client';
  /** DNS names and IP addresses. */
  names?: readonly string[];
  notAfter: Date;
}

const oids = {
  commonName: '2.5.4.3',
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  extendedKeyUsage: '2.5.29.37',
  subjectAltName: '2.5.29.17',
  subjectKeyIdentifier: '2.5.29.14',
  authorityKeyIdentifier: '2.5.29.35',
  server: '1.3.6.1.5.5.7.3.1',
  client: '1.3.6.1.5.5.7.3.2',
} as const;

/** Clocks of a cluster differ; a certificate made now is good now on all of them. */
const clockSkewMs = 5 * 60_000;

/**
 * Makes an ECDSA P-256 key and a certificate for it (RFC 5280), signed by a CA whose key is at hand, as kubeadm's own
 * certificates are. It ends no later than the CA. Errors: E_CONFIG_INVALID when CA certificate and key are no pair.
 */
export function issueCertificate(ca: CertificatePair, request: CertificateRequest): CertificatePair {
  const issuer = readIssuer(ca);
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { algorithm, hash } = signatureOf(issuer.key);
  const notAfter = new Date(Math.min(request.notAfter.getTime(), issuer.certificate.validToDate.getTime()));
  const body = sequence(
    new asn1.Constructed({ idBlock: { tagClass: 3, tagNumber: 0 }, value: [new asn1.Integer({ value: 2 })] }),
    new asn1.Integer({ valueHex: serialNumber() }),
    algorithm,
    issuer.subject,
    sequence(time(new Date(Date.now() - clockSkewMs)), time(notAfter)),
    sequence(relativeName(oids.commonName, request.commonName)),
    fromDer(publicKey.export({ type: 'spki', format: 'der' })),
    new asn1.Constructed({
      idBlock: { tagClass: 3, tagNumber: 3 },
      value: [sequence(...extensions(request, issuer.keyIdentifier))],
    }),
  );
  const tbs = new Uint8Array(body.toBER());
  const signature = sign(hash, tbs, issuer.key);
  const der = sequence(fromDer(tbs), algorithm, new asn1.BitString({ valueHex: exact(signature) })).toBER();
  return {
    certificate: new X509Certificate(Buffer.from(der)).toString(),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}

/**
 * Why a pair is not what is asked for, or undefined when it is: it was not issued by this CA, the key is another's, names
 * are others, or it ends within `renewBeforeMs`.
 */
export function pairFault(
  pair: CertificatePair,
  { ca, names, renewBeforeMs }: { ca: string; names?: readonly string[]; renewBeforeMs: number },
): string | undefined {
  let certificate: X509Certificate;
  let key: KeyObject;
  try {
    certificate = new X509Certificate(pair.certificate);
    key = createPrivateKey(pair.key);
  } catch {
    return 'it cannot be read';
  }
  const issuer = new X509Certificate(ca);
  if (!certificate.checkIssued(issuer) || !certificate.verify(issuer.publicKey))
    return 'another CA issued it';
  if (!certificate.checkPrivateKey(key)) return 'its key is of another certificate';
  if (certificate.validToDate.getTime() - Date.now() < renewBeforeMs) {
    return `it ends on ${certificate.validToDate.toISOString()}`;
  }
  const has = new Set(alternativeNames(certificate));
  const lacking = (names ?? []).filter((name) => !has.has(canonical(name)));
  return lacking.length > 0 ? `it lacks ${lacking.join(', ')}` : undefined;
}

/** DNS names and IP addresses of a certificate, as bare texts. */
export function alternativeNames(certificate: X509Certificate): string[] {
  const entries = certificate.subjectAltName?.split(', ') ?? [];
  return entries.map((entry) => canonical(entry.replace(/^(DNS|IP Address):/, '')));
}

function canonical(name: string): string {
  return ipaddr.isValid(name) ? ipaddr.parse(name).toNormalizedString() : name;
}

interface Issuer {
  certificate: X509Certificate;
  key: KeyObject;
  subject: asn1.BaseBlock;
  keyIdentifier: ArrayBuffer | undefined;
}

function readIssuer(ca: CertificatePair): Issuer {
  try {
    const certificate = new X509Certificate(ca.certificate);
    const key = createPrivateKey(ca.key);
    if (!certificate.checkPrivateKey(key)) throw new Error('its key is of another certificate');
    const tbs = values(values(fromDer(certificate.raw))[0]!);
    // Behind version, serial number, algorithm, issuer and validity.
    const subject = tbs[5]!;
    return { certificate, key, subject, keyIdentifier: keyIdentifierOf(tbs.at(-1)!) };
  } catch (cause) {
    throw new EdgeadmError('E_CONFIG_INVALID', `the CA cannot sign: ${(cause as Error).message}`, {
      hint: 'Look at ca.crt and ca.key in the folder of certificates.',
      cause,
    });
  }
}

function keyIdentifierOf(extensionsBlock: asn1.BaseBlock): ArrayBuffer | undefined {
  if (extensionsBlock.idBlock.tagClass !== 3 || extensionsBlock.idBlock.tagNumber !== 3) return undefined;
  const list = values(values(extensionsBlock)[0]!).map(values);
  const found = list.find(([id]) => textOfOid(id) === oids.subjectKeyIdentifier)?.at(-1);
  const inner = found && asn1.fromBER((found as asn1.OctetString).getValue()).result;
  return inner && (inner as asn1.OctetString).getValue();
}

function extensions({ usage, names = [] }: CertificateRequest, authority: ArrayBuffer | undefined) {
  const usages = new asn1.BitString({ unusedBits: 5, valueHex: exact(Buffer.from([0b1010_0000])) });
  return [
    extension(oids.keyUsage, usages, true),
    extension(oids.extendedKeyUsage, sequence(oid(oids[usage]))),
    extension(oids.basicConstraints, sequence(), true),
    ...(authority
      ? [extension(oids.authorityKeyIdentifier, sequence(context(0, new Uint8Array(authority))))]
      : []),
    ...(names.length > 0 ? [extension(oids.subjectAltName, sequence(...names.map(generalName)))] : []),
  ];
}

function extension(id: string, value: asn1.BaseBlock, critical = false): asn1.BaseBlock {
  return sequence(
    oid(id),
    ...(critical ? [new asn1.Boolean({ value: true })] : []),
    new asn1.OctetString({ valueHex: value.toBER() }),
  );
}

const generalName = (name: string) => (isIP(name) ? ipAddress(name) : dnsName(name));

/** kubeadm's CAs are RSA unless `encryptionAlgorithm` says ECDSA-P256 or P384. */
function signatureOf(key: KeyObject): { algorithm: asn1.BaseBlock; hash: string } {
  if (key.asymmetricKeyType === 'rsa') {
    return { algorithm: sequence(oid('1.2.840.113549.1.1.11'), new asn1.Null()), hash: 'sha256' };
  }
  const large = createPublicKey(key).asymmetricKeyDetails?.namedCurve === 'secp384r1';
  return {
    algorithm: sequence(oid(large ? '1.2.840.10045.4.3.3' : '1.2.840.10045.4.3.2')),
    hash: large ? 'sha384' : 'sha256',
  };
}

/** 127 random bits, positive and never zero (RFC 5280, 4.1.2.2). */
function serialNumber(): ArrayBuffer {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return exact(bytes);
}

/** UTCTime up to 2049, GeneralizedTime after it (RFC 5280, 4.1.2.5); both without fractions. */
function time(date: Date): asn1.BaseBlock {
  const valueDate = new Date(Math.floor(date.getTime() / 1000) * 1000);
  return date.getUTCFullYear() < 2050
    ? new asn1.UTCTime({ valueDate })
    : new asn1.GeneralizedTime({ valueDate });
}

const values = (block: asn1.BaseBlock) =>
  (block as unknown as { valueBlock: { value: asn1.BaseBlock[] } }).valueBlock.value;
const textOfOid = (block: asn1.BaseBlock | undefined) =>
  (block as asn1.ObjectIdentifier | undefined)?.getValue();
