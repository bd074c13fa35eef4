import { finding, type OfflineFinding } from '../catalogue.ts';
import type { CertificateFact, OfflineFacts } from '../facts.ts';
import { certificateNames, type Limit } from '../limits.ts';

const soonMs = 14 * 86_400_000;

const renewal: Record<CertificateFact['role'], string> = {
  'kubelet-client':
    'With a link to the cloud: `edgeadm token create` on a control-plane node, then here `edgeadm certs renew kubelet --token TOKEN`. Pods stay.',
  'lite-apiserver-serving':
    'With a link to the cloud and a valid kubelet client certificate: `systemctl restart edgeadm-lite-apiserver`, which asks for a new one.',
  'cluster-ca':
    "Renew the cluster's CA (kubernetes.io/docs/tasks/tls/manual-rotation-of-ca-certificates) while the node is online.",
};

/** What is missing, over, or soon over. */
export function certificateFindings(
  { certificates, now }: Pick<OfflineFacts, 'certificates' | 'now'>,
  limits: readonly Limit[],
): OfflineFinding[] {
  return certificates.flatMap(({ role, file, notAfter, problem }) => {
    const what = certificateNames[role];
    if (notAfter === undefined) {
      return [
        finding('CertificateMissing', `no ${what} in ${file}: ${problem ?? 'not found'}`, renewal[role]),
      ];
    }
    const day = new Date(notAfter).toISOString().slice(0, 10);
    if (notAfter <= now) {
      return [finding('CertificateExpired', `the ${what} expired on ${day} (${file})`, renewal[role])];
    }
    const renewedBefore = limits.find((limit) => limit.file === file)?.renewedBefore ?? 0;
    // One of a short life counts too: the cloud renews it in time, but without the cloud it ends soon.
    if (notAfter - now > soonMs) return [];
    const why = renewedBefore > notAfter - now ? ', and was not renewed in time' : '';
    return [
      finding('CertificateExpiresSoon', `the ${what} expires on ${day}${why} (${file})`, renewal[role]),
    ];
  });
}
