import { type BaseBlock, fromBER } from 'asn1js';
import { canonicalIp } from './ip.ts';

/** What a PKCS#10 request (RFC 2986) asks for, as far as kubelets may ask for anything. */
export interface CertificateRequest {
  /** Attributes of the subject in order: `2.5.4.3` is the common name, `2.5.4.10` the organization. */
  subject: readonly { oid: string; value: string }[];
  keyAlgorithm: 'rsa' | 'other';
  sans: { dns: string[]; ip: string[]; email: string[]; uri: string[] };
}

/** The request is not of the one form that kubelets and edge nodes send. */
export class MalformedRequest extends Error {}

/** A kubelet's request is below 1 KiB; the largest sensible one (RSA 4096, many addresses) below 8. */
const maxBytes = 16 * 1024;

const oids = {
  rsaEncryption: '1.2.840.113549.1.1.1',
  extensionRequest: '1.2.840.113549.1.9.14',
  subjectAltName: '2.5.29.17',
} as const;

/** Tag numbers: universal ones of X.690, and the context tags of GeneralName (RFC 5280, 4.2.1.6). */
const tag = {
  octetString: 4,
  oid: 6,
  utf8: 12,
  sequence: 16,
  set: 17,
  printable: 19,
  boolean: 1,
  bitString: 3,
  integer: 2,
};
const generalName = { email: 1, dns: 2, uri: 6, ip: 7 } as const;

/**
 * Reads the one PEM block of a request. Stricter than any general parser, so that it cannot be read in two ways: no
 * second block, no PEM headers, minimal lengths, one attribute (extensionRequest) with one extension (subjectAltName),
 * every string printable or UTF-8. kube-apiserver has parsed the same bytes as DER and verified the signature before
 * it stored them (k8s.io/kubernetes/pkg/apis/certificates/validation: validateCSR). Errors: MalformedRequest.
 */
export function parseCertificateRequest(pem: string): CertificateRequest {
  const match =
    /^\s*-----BEGIN CERTIFICATE REQUEST-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END CERTIFICATE REQUEST-----\s*$/.exec(
      pem,
    );
  if (!match) throw new MalformedRequest('it is not exactly one PEM block of type CERTIFICATE REQUEST');
  const der = Buffer.from(match[1]!, 'base64');
  if (der.length > maxBytes) throw new MalformedRequest(`it is larger than ${maxBytes} bytes`);
  const [info, , , ...more] = children(decode(der), tag.sequence, 'the request');
  const [version, subject, publicKey, attributes, ...rest] = children(info, tag.sequence, 'the request info');
  if (more.length > 0 || rest.length > 0) throw new MalformedRequest('it has trailing fields');
  const [zero, ...longer] = bytes(version, tag.integer, 'the version');
  if (zero !== 0 || longer.length > 0) throw new MalformedRequest('its version is not 0');
  return {
    subject: readSubject(subject),
    keyAlgorithm:
      readOid(children(children(publicKey, tag.sequence, 'the key')[0], tag.sequence, 'the algorithm')[0]) ===
      oids.rsaEncryption
        ? 'rsa'
        : 'other',
    sans: readSans(readExtension(attributes)),
  };
}

function readSubject(block: BaseBlock | undefined): CertificateRequest['subject'] {
  return children(block, tag.sequence, 'the subject').map((set) => {
    const [attribute, ...more] = children(set, tag.set, 'a name in the subject');
    if (more.length > 0) throw new MalformedRequest('a name in its subject has several parts');
    const [oid, value] = children(attribute, tag.sequence, 'a name in the subject');
    return { oid: readOid(oid), value: readText(value) };
  });
}

/** The value of the subjectAltName extension, or undefined when no attribute is there at all. */
function readExtension(attributes: BaseBlock | undefined): Uint8Array | undefined {
  if (attributes === undefined) return undefined;
  const [attribute, ...otherAttributes] = contextChildren(attributes);
  if (attribute === undefined) return undefined;
  const [oid, values] = children(attribute, tag.sequence, 'an attribute');
  const name = readOid(oid);
  if (name !== oids.extensionRequest || otherAttributes.length > 0) {
    throw new MalformedRequest(
      `it has an attribute other than one extensionRequest${name === oids.extensionRequest ? '' : `: ${name}`}`,
    );
  }
  const [extensions, ...otherValues] = children(values, tag.set, 'the extensionRequest');
  const [extension, ...otherExtensions] = children(extensions, tag.sequence, 'the extensions');
  const [extensionOid, ...value] = children(extension, tag.sequence, 'an extension');
  const extensionName = readOid(extensionOid);
  const others = [
    extensionName,
    ...otherExtensions.map((each) => readOid(children(each, tag.sequence, 'an extension')[0])),
  ];
  if (otherValues.length > 0 || others.length > 1 || extensionName !== oids.subjectAltName) {
    throw new MalformedRequest(`it asks for extensions other than one subjectAltName: ${others.join(', ')}`);
  }
  if (value.length > 1) bytes(value[0], tag.boolean, 'critical');
  if (value.length > 2) throw new MalformedRequest('its extension has trailing fields');
  return bytes(value.at(-1), tag.octetString, 'the value of the extension');
}

function readSans(value: Uint8Array | undefined): CertificateRequest['sans'] {
  const sans: CertificateRequest['sans'] = { dns: [], ip: [], email: [], uri: [] };
  if (value === undefined) return sans;
  for (const name of children(decode(value), tag.sequence, 'the subjectAltName')) {
    const { tagClass, tagNumber } = name.idBlock;
    const kind = Object.entries(generalName).find(
      ([, number]) => tagClass === 3 && tagNumber === number,
    )?.[0];
    if (kind === undefined || name.idBlock.isConstructed) {
      throw new MalformedRequest(
        `it asks for a subjectAltName of a kind that kubelets do not have (${tagNumber})`,
      );
    }
    checkLength(name);
    const content = contentOf(name);
    if (kind === 'ip') sans.ip.push(readIp(content));
    else sans[kind as 'dns' | 'email' | 'uri'].push(asciiOf(content));
  }
  return sans;
}

function readIp(content: Uint8Array): string {
  const text =
    content.length === 4 ? content.join('.') : Buffer.from(content).toString('hex').match(/.{4}/g)?.join(':');
  const ip = content.length === 4 || content.length === 16 ? canonicalIp(text ?? '') : undefined;
  if (ip === undefined) throw new MalformedRequest(`it asks for an IP address of ${content.length} bytes`);
  return ip;
}

function asciiOf(content: Uint8Array): string {
  if (content.some((byte) => byte < 0x21 || byte > 0x7e))
    throw new MalformedRequest('a subjectAltName is not printable ASCII');
  return Buffer.from(content).toString('ascii');
}

function decode(der: Uint8Array): BaseBlock {
  let decoded: ReturnType<typeof fromBER>;
  try {
    decoded = fromBER(der, {
      maxDepth: 16,
      maxNodes: 2000,
      maxContentLength: maxBytes,
      parseEmbedded: false,
    });
  } catch (cause) {
    throw new MalformedRequest('it is not DER', { cause });
  }
  if (decoded.offset !== der.length) throw new MalformedRequest('it is not DER, or something follows it');
  return decoded.result as BaseBlock;
}

function children(block: BaseBlock | undefined, number: number, what: string): BaseBlock[] {
  expect(block, 1, number, true, what);
  return (block as unknown as { valueBlock: { value: BaseBlock[] } }).valueBlock.value;
}

/** Attributes are `[0] IMPLICIT SET OF`. */
function contextChildren(block: BaseBlock): BaseBlock[] {
  expect(block, 3, 0, true, 'the attributes');
  return (block as unknown as { valueBlock: { value: BaseBlock[] } }).valueBlock.value;
}

function bytes(block: BaseBlock | undefined, number: number, what: string): Uint8Array {
  expect(block, 1, number, false, what);
  return contentOf(block as BaseBlock);
}

function readOid(block: BaseBlock | undefined): string {
  expect(block, 1, tag.oid, false, 'an object identifier');
  return (block as unknown as { valueBlock: { toString(): string } }).valueBlock.toString();
}

function readText(block: BaseBlock | undefined): string {
  const number = block?.idBlock.tagNumber === tag.utf8 ? tag.utf8 : tag.printable;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
      bytes(block, number, 'a name in the subject'),
    );
  } catch (cause) {
    throw cause instanceof MalformedRequest
      ? cause
      : new MalformedRequest('a name in its subject is not UTF-8', { cause });
  }
}

function expect(
  block: BaseBlock | undefined,
  tagClass: number,
  number: number,
  constructed: boolean,
  what: string,
): void {
  const id = block?.idBlock;
  if (id?.tagClass !== tagClass || id.tagNumber !== number || id.isConstructed !== constructed) {
    throw new MalformedRequest(`${what} is not of the expected type`);
  }
  checkLength(block as BaseBlock);
}

/** asn1js also reads BER: lengths must be definite and as short as DER wants them. */
function checkLength({ lenBlock }: BaseBlock): void {
  const { length } = lenBlock;
  const minimal = length < 0x80 ? 1 : length < 0x100 ? 2 : 3;
  if (lenBlock.isIndefiniteForm || lenBlock.blockLength !== minimal)
    throw new MalformedRequest('it is BER, not DER');
}

/** The bytes between header and end, whatever the type. */
function contentOf(block: BaseBlock): Uint8Array {
  const all = block.valueBeforeDecodeView;
  return all.subarray(all.length - block.lenBlock.length);
}
