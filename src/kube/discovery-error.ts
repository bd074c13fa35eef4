import { EdgeadmError } from '../errors.ts';
import type { NetworkFault } from './network-error.ts';

/** What went wrong when a cluster was looked for; each is an own preflight finding. */
export type DiscoveryReason =
  | 'unreachable'
  | 'not-kubernetes'
  | 'anonymous'
  | 'token'
  | 'signature'
  | 'ca-hash'
  | 'certificate'
  | 'clock'
  | 'malformed';

export class DiscoveryError extends EdgeadmError {
  readonly reason: DiscoveryReason;
  /** The API server's clock less this one's, in milliseconds, when it answered at all. */
  clockSkewMs: number | undefined;

  constructor(reason: DiscoveryReason, message: string, options: { hint: string; cause?: unknown }) {
    super('E_DISCOVERY', message, options);
    this.reason = reason;
  }
}

/** The error of a connection that failed while a cluster was looked for. */
export function connectionFailure(fault: NetworkFault, endpoint: string, cause: unknown): DiscoveryError {
  const hints: Partial<Record<NetworkFault['kind'], string>> = {
    dns: 'Check the name, the name servers in /etc/resolv.conf, or use the IP address of a control-plane node.',
    refused:
      'Nothing listens there: is the port right (6443 by default), and is kube-apiserver running on the control plane?',
    timeout: 'Packets get lost: is the address right, and does a firewall let TCP through to it?',
    'no-route':
      "This host has no route there: check its address, gateway and the link's state (`ip route get`).",
    reset:
      'Something closes connections: a proxy, a load balancer without a live control plane behind it, a firewall.',
  };
  if (fault.kind === 'not-tls') {
    return new DiscoveryError('not-kubernetes', `no Kubernetes API server: ${fault.text}`, {
      hint: `Is ${endpoint} the API server's address? The default port is 6443.`,
      cause,
    });
  }
  return new DiscoveryError('unreachable', `the API server cannot be reached: ${fault.text}`, {
    hint: hints[fault.kind] ?? 'Check the network between this host and the control plane.',
    cause,
  });
}

/** The error of a TLS connection that failed once the cluster's authority was known. */
export function trustFailure(
  fault: NetworkFault,
  endpoint: string,
  skewMs: number,
  cause: unknown,
): DiscoveryError {
  if (fault.kind === 'certificate-time' && Math.abs(skewMs) > 10_000) {
    return new DiscoveryError('clock', `${fault.text}, which is ${describeSkew(skewMs)}`, {
      hint: 'Set the clock of this host (`timedatectl set-time`, or an NTP server it can reach) and join again.',
      cause,
    });
  }
  switch (fault.kind) {
    case 'certificate-time':
      return new DiscoveryError('certificate', fault.text, {
        hint: 'Renew the certificates on the control plane: `edgeadm certs renew all`.',
        cause,
      });
    case 'certificate-name':
      return new DiscoveryError('certificate', fault.text, {
        hint: 'Join by one of these names, or make the control plane with --apiserver-cert-extra-sans for this one.',
        cause,
      });
    case 'untrusted':
      return new DiscoveryError('certificate', fault.text, {
        hint: `${endpoint} is not the cluster that the token is for, or something in between answers in its place (TLS interception, a proxy).`,
        cause,
      });
    default:
      return connectionFailure(fault, endpoint, cause);
  }
}

/** `3 min behind the API server's`, to follow `this host's clock is`. */
export function describeSkew(skewMs: number): string {
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  const units: [number, string][] = [
    [86_400, 'days'],
    [3600, 'h'],
    [60, 'min'],
  ];
  const [size, unit] = units.find(([limit]) => seconds >= 2 * limit) ?? [1, 's'];
  return `${Math.round(seconds / size)} ${unit} ${skewMs > 0 ? 'behind' : 'ahead of'} the API server's`;
}
