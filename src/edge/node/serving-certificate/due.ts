import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { RequestNames } from './request.ts';

/**
 * When a certificate is to be replaced, as time in milliseconds since 1970: in the last 10 to 30 % of its life, so that
 * nodes that joined together do not ask together (as kubelets do, k8s.io/client-go/util/certificate, nextRotationDeadline);
 * at once when it lacks a name or when no CA of `authority` (PEM) has signed it. `share` is between 0 and 1, the same
 * for a certificate each time.
 */
export function dueAt(certificate: string, names: RequestNames, authority: string, share: number): number {
  const leaf = new X509Certificate(certificate);
  const lacks = [
    ...names.dns.filter((name) => leaf.checkHost(name, { subject: 'never' }) === undefined),
    ...names.ip.filter((address) => isIP(address) === 0 || leaf.checkIP(address) === undefined),
  ];
  if (lacks.length > 0 || !isSignedBy(leaf, authority)) return 0;
  const [from, to] = [Date.parse(leaf.validFrom), Date.parse(leaf.validTo)];
  return from + (to - from) * (0.7 + 0.2 * share);
}

function isSignedBy(leaf: X509Certificate, authority: string): boolean {
  const blocks = authority.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  return blocks.some((block) => {
    const ca = new X509Certificate(block);
    return leaf.checkIssued(ca) && leaf.verify(ca.publicKey);
  });
}
