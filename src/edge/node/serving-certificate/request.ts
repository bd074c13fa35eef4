import { type KeyObject, sign } from 'node:crypto';
import { isIP } from 'node:net';
import {
  Set as Asn1Set,
  type BaseBlock,
  BitString,
  Constructed,
  fromBER,
  Integer,
  ObjectIdentifier,
  OctetString,
  Primitive,
  Sequence,
  Utf8String,
} from 'asn1js';
import ipaddr from 'ipaddr.js';

export interface RequestNames {
  dns: readonly string[];
  ip: readonly string[];
}

const oids = {
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  extensionRequest: '1.2.840.113549.1.9.14',
  subjectAltName: '2.5.29.17',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
} as const;
/** Context tags of GeneralName (RFC 5280, 4.2.1.6). */
const tags = { dns: 2, ip: 7 } as const;

/**
 * A PKCS#10 request (RFC 2986) as a kubelet makes it for its certificates: O=system:nodes, CN=system:node:NAME, one
 * subjectAltName unless there are no names, an ECDSA P-256 key with SHA-256. PEM.
 * Contract: https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests (kubelet-serving,
 * kube-apiserver-client-kubelet).
 */
export function createNodeRequest(
  nodeName: string,
  names: RequestNames,
  { publicKey, privateKey }: { publicKey: KeyObject; privateKey: KeyObject },
): string {
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const info = sequence(
    new Integer({ value: 0 }),
    sequence(
      relativeName(oids.organization, 'system:nodes'),
      relativeName(oids.commonName, `system:node:${nodeName}`),
    ),
    fromBER(new Uint8Array(spki)).result,
    new Constructed({
      idBlock: { tagClass: 3, tagNumber: 0 },
      value: names.dns.length + names.ip.length > 0 ? [extensionRequest(names)] : [],
    }),
  );
  const signature = sign('sha256', new Uint8Array(info.toBER()), privateKey);
  const request = sequence(
    info,
    sequence(new ObjectIdentifier({ value: oids.ecdsaWithSha256 })),
    new BitString({ valueHex: bytes(signature) }),
  );
  const base64 = Buffer.from(request.toBER())
    .toString('base64')
    .replace(/(.{64})(?=.)/g, '$1\n');
  return `-----BEGIN CERTIFICATE REQUEST-----\n${base64}\n-----END CERTIFICATE REQUEST-----\n`;
}

function relativeName(oid: string, value: string): Asn1Set {
  return new Asn1Set({
    value: [sequence(new ObjectIdentifier({ value: oid }), new Utf8String({ value }))],
  });
}

function extensionRequest({ dns, ip }: RequestNames): Sequence {
  const general = [
    ...dns.map((name) => generalName(tags.dns, Buffer.from(name, 'ascii'))),
    ...ip.map((address) => generalName(tags.ip, octets(address))),
  ];
  const extension = sequence(
    new ObjectIdentifier({ value: oids.subjectAltName }),
    new OctetString({ valueHex: sequence(...general).toBER() }),
  );
  return sequence(
    new ObjectIdentifier({ value: oids.extensionRequest }),
    new Asn1Set({ value: [sequence(extension)] }),
  );
}

const generalName = (tagNumber: number, content: Uint8Array): Primitive =>
  new Primitive({ idBlock: { tagClass: 3, tagNumber }, valueHex: bytes(content) });

const sequence = (...value: BaseBlock[]): Sequence => new Sequence({ value });

/** A copy that owns its buffer, which asn1js takes whole. */
const bytes = (content: Uint8Array): ArrayBuffer => new Uint8Array(content).buffer;

function octets(address: string): Uint8Array {
  if (isIP(address) === 0) throw new Error(`${address} is not an IP address`);
  return Uint8Array.from(ipaddr.parse(address).toByteArray());
}
