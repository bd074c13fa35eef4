import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { WatchedFiles } from './files.ts';

/** A certificate with its key, as PEM, and what the proxy wants to know of it. */
export interface CertificatePair {
  certificate: string;
  key: string;
  notBefore: Date;
  notAfter: Date;
  /** SubjectPublicKeyInfo, DER, base64: equal exactly when the key is. */
  publicKey: string;
  subject: string;
}

/** A pair that is checked to belong together, so that a rotation caught between two files is not taken. */
export function watchPair(certificateFile: string, keyFile: string): WatchedFiles<CertificatePair> {
  return new WatchedFiles([certificateFile, keyFile], ([certificate = '', key = '']) => {
    const leaf = new X509Certificate(certificate);
    const privateKey = createPrivateKey(key);
    if (!leaf.checkPrivateKey(privateKey)) throw new Error('the certificate does not belong to the key');
    // Without `ca` Node.js would parse the public authorities, which stay in memory for good.
    createSecureContext({ cert: certificate, key, ca: [] });
    return {
      certificate,
      key,
      notBefore: new Date(leaf.validFrom),
      notAfter: new Date(leaf.validTo),
      publicKey: publicKeyOf(leaf),
      subject: leaf.subject,
    };
  });
}

export function watchAuthority(file: string): WatchedFiles<string> {
  return new WatchedFiles([file], ([content = '']) => {
    new X509Certificate(content);
    return content;
  });
}

export function publicKeyOf(certificate: X509Certificate): string {
  return certificate.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
}
