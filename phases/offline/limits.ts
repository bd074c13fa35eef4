import type { CertificateFact, OfflineFacts } from './facts.ts';

/** Something that ends the node's life without the cloud at a known time. */
export interface Limit {
  /** `kubelet client certificate` */
  what: string;
  file: string;
  /** Milliseconds since 1970. */
  at: number;
  /** How long before its end it is renewed at the latest while the cloud is there, in milliseconds; 0: never by itself. */
  renewedBefore: number;
}

export const certificateNames: Record<CertificateFact['role'], string> = {
  'kubelet-client': 'kubelet client certificate',
  'lite-apiserver-serving': 'serving certificate of the node-local API proxy',
  'cluster-ca': 'CA certificate of the cluster',
};

/**
 * The kubelet renews its certificate after 70 to 90 % of its life (k8s.io/client-go/util/certificate,
 * nextRotationDeadline), the proxy its own in the same span; the cluster's CA is renewed by people.
 */
const latestRenewal = 0.9;

/**
 * What runs out while the cloud is away, as nobody renews it then:
 * - the kubelet's client certificate: a kubelet presents none that has expired, so nothing answers it any more; pods run
 *   on, and none starts after a reboot;
 * - the proxy's serving certificate: the kubelet then refuses the proxy;
 * - the cluster's CA: nothing that it signed is trusted any more.
 * Tokens of service accounts are no limit: offline the proxy serves what was good when the link went.
 */
export function limitsOf({ certificates }: Pick<OfflineFacts, 'certificates'>): Limit[] {
  return certificates.flatMap(({ role, file, notBefore, notAfter }) => {
    if (notBefore === undefined || notAfter === undefined) return [];
    const renewedBefore = role === 'cluster-ca' ? 0 : (notAfter - notBefore) * (1 - latestRenewal);
    return [{ what: certificateNames[role], file, at: notAfter, renewedBefore }];
  });
}
