import { EdgeadmError } from '../errors.ts';
import type { HttpsAnswer } from './https.ts';

/** metav1.Status, as far as it is read here. */
interface Status {
  kind?: string;
  reason?: string;
  message?: string;
  details?: { retryAfterSeconds?: number; causes?: { field?: string; message?: string }[] };
}

/** A request that the API server answered with an error. */
export class KubeApiError extends EdgeadmError {
  /** HTTP status. */
  readonly status: number;
  /** metav1.StatusReason (`NotFound`, `Forbidden`, …), or empty. */
  readonly reason: string;

  constructor(
    status: number,
    reason: string,
    message: string,
    options: { hint?: string; details?: string[] },
  ) {
    super('E_KUBE_API', message, options);
    this.status = status;
    this.reason = reason;
  }
}

const transientStatuses = [429, 500, 502, 503, 504];

/**
 * Whether the same request may succeed a moment later. The API server answers an apply with an unknown field
 * with 500 too, which no retry mends.
 */
export function isTransient(error: KubeApiError): boolean {
  return transientStatuses.includes(error.status) && !isUnknownField(error.message);
}

const isUnknownField = (message: string) =>
  /unknown field|strict decoding|not declared in schema|typed patch object/i.test(message);

/** Milliseconds that the server asks to wait (`Retry-After`), or undefined. */
export function retryAfterMs(answer: HttpsAnswer): number | undefined {
  const seconds = Number(answer.headers['retry-after']);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined;
}

/** Makes the error of an answer. `what` is the verb and the object: `apply DaemonSet kube-flannel/kube-flannel-ds`. */
export function apiError(what: string, answer: HttpsAnswer): KubeApiError {
  const status = parseStatus(answer.text);
  const reason = status?.reason ?? '';
  const message = status?.message ?? plainMessage(answer.text);
  const causes = (status?.details?.causes ?? []).map((cause) =>
    [cause.field, cause.message].filter(Boolean).join(': '),
  );
  const hint = hintFor(answer.status, reason, message);
  return new KubeApiError(
    answer.status,
    reason,
    `${what}: ${reason || `HTTP ${answer.status}`}: ${message}`,
    {
      ...(hint && { hint }),
      ...(causes.length > 1 && { details: causes }),
    },
  );
}

/** Health endpoints answer in lines; the ones that failed begin with `[-]`. */
function plainMessage(text: string): string {
  const lines = text.trim().split('\n');
  const failed = lines.filter((line) => line.startsWith('[-]')).map((line) => line.slice(3));
  return (failed.length > 0 ? failed.join(', ') : (lines[0] ?? '')).slice(0, 300) || 'no message';
}

function parseStatus(text: string): Status | undefined {
  try {
    const parsed = JSON.parse(text) as Status;
    return parsed?.kind === 'Status' ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function hintFor(status: number, reason: string, message: string): string | undefined {
  if (status === 401) {
    return 'The credentials are unknown to this cluster or expired: take a current kubeconfig (`edgeadm certs check-expiration` on the control plane).';
  }
  if (status === 403) {
    return /quota/i.test(message)
      ? 'The namespace has reached its quota.'
      : 'The kubeconfig has too few rights: use /etc/kubernetes/admin.conf, or super-admin.conf on the first control-plane node.';
  }
  if (status === 409 && reason === 'Conflict')
    return 'Somebody else changed it at the same time: run the same command again.';
  if (isUnknownField(message)) {
    return 'A field in the manifest does not exist in this version of Kubernetes: correct the file in --manifests-dir.';
  }
  if (/failed calling webhook|webhook/i.test(message) && status >= 500) {
    return 'An admission webhook of the cluster does not answer: see `kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations`.';
  }
  if (status >= 500)
    return 'See the API server: its log below /var/log/pods, `journalctl -u kubelet`, and the health of etcd.';
  return undefined;
}
