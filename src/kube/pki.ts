import { createHash, X509Certificate } from 'node:crypto';
import { EdgeadmError } from '../errors.ts';

export interface CertificateFacts {
  /** `CN=kube-apiserver`, RDNs joined by `, `. */
  subject: string;
  issuer: string;
  notBefore: Date;
  notAfter: Date;
  isCa: boolean;
  /** `DNS:name` and `IP Address:1.2.3.4`. */
  names: string[];
  /** As caCertHash. */
  publicKeyHash: string;
}

/**
 * `sha256:` and the hex SHA-256 of a certificate's DER SubjectPublicKeyInfo: what `--discovery-token-ca-cert-hash`
 * takes (kubeadm's app/util/pubkeypin). The first certificate of the PEM counts. Errors: E_CONFIG_INVALID.
 */
export function caCertHash(pem: string): string {
  return publicKeyHash(parse(pem)[0]!);
}

/** Facts of each certificate in a PEM file, in order. Errors: E_CONFIG_INVALID. */
export function readCertificates(pem: string): CertificateFacts[] {
  return parse(pem).map((certificate) => ({
    subject: certificate.subject.replaceAll('\n', ', '),
    issuer: certificate.issuer.replaceAll('\n', ', '),
    notBefore: certificate.validFromDate,
    notAfter: certificate.validToDate,
    isCa: certificate.ca,
    names: certificate.subjectAltName?.split(', ') ?? [],
    publicKeyHash: publicKeyHash(certificate),
  }));
}

function publicKeyHash(certificate: X509Certificate): string {
  const spki = certificate.publicKey.export({ type: 'spki', format: 'der' });
  return `sha256:${createHash('sha256').update(spki).digest('hex')}`;
}

/** Certificates among the blocks of a PEM file; keys beside them are left alone. */
function parse(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    if (blocks.length === 0) throw new Error('it has no BEGIN CERTIFICATE');
    return blocks.map((block) => new X509Certificate(block));
  } catch (cause) {
    throw new EdgeadmError('E_CONFIG_INVALID', `not a PEM certificate: ${(cause as Error).message}`, {
      cause,
    });
  }
}
