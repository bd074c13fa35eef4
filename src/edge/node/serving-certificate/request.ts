import { type KeyObject, sign } from 'node:crypto';
import { Set as Asn1Set, BitString, Constructed, Integer, OctetString, type Sequence } from 'asn1js';
import { dnsName, exact, fromDer, ipAddress, oid, relativeName, sequence } from '../../../kube/asn1.ts';

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
    fromDer(spki),
    new Constructed({
      idBlock: { tagClass: 3, tagNumber: 0 },
      value: names.dns.length + names.ip.length > 0 ? [extensionRequest(names)] : [],
    }),
  );
  const signature = sign('sha256', new Uint8Array(info.toBER()), privateKey);
  const request = sequence(
    info,
    sequence(oid(oids.ecdsaWithSha256)),
    new BitString({ valueHex: exact(signature) }),
  );
  const base64 = Buffer.from(request.toBER())
    .toString('base64')
    .replace(/(.{64})(?=.)/g, '$1\n');
  return `-----BEGIN CERTIFICATE REQUEST-----\n${base64}\n-----END CERTIFICATE REQUEST-----\n`;
}

function extensionRequest({ dns, ip }: RequestNames): Sequence {
  const general = [...dns.map(dnsName), ...ip.map(ipAddress)];
  const extension = sequence(
    oid(oids.subjectAltName),
    new OctetString({ valueHex: sequence(...general).toBER() }),
  );
  return sequence(oid(oids.extensionRequest), new Asn1Set({ value: [sequence(extension)] }));
}
