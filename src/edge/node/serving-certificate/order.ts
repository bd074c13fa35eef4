import { generateKeyPairSync } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { Send } from '../request.ts';
import { createNodeRequest, type RequestNames } from './request.ts';

/** Kinds of certificates that a node asks for, with what their signer wants in a request. */
const kinds = {
  serving: {
    signerName: 'kubernetes.io/kubelet-serving',
    usages: ['digital signature', 'server auth'],
    generateName: 'edgeadm-lite-apiserver-',
    approver: 'does kube-system/edgeadm-controller run?',
  },
  client: {
    signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
    usages: ['digital signature', 'client auth'],
    generateName: 'edgeadm-kubelet-client-',
    approver: 'does kube-controller-manager approve (kubeadm:node-autoapprove-bootstrap)?',
  },
} as const;

export interface Order {
  /** Default `serving`. */
  kind?: keyof typeof kinds;
  nodeName: string;
  /** A client certificate has none. */
  names: RequestNames;
  send: Send;
  signal: AbortSignal;
  /** How long an approval is waited for. */
  timeoutMs: number;
  pollMs: number;
  /** Called with the name of the request once the API server has it. */
  onSent(name: string): void;
}

interface CertificateSigningRequest {
  metadata: { name: string };
  status?: {
    certificate?: string;
    conditions?: { type: string; reason?: string; message?: string }[];
  };
}

const path = '/apis/certificates.k8s.io/v1/certificatesigningrequests';

/**
 * A new key, and a certificate for it from the signer of its kind: certificate and key as one PEM
 * text. The key never leaves this process but for that. Rejects when the request is denied, or not signed in time.
 */
export async function orderCertificate(order: Order): Promise<string> {
  const { nodeName, names, send, signal, timeoutMs, pollMs, onSent } = order;
  const { approver, generateName, signerName, usages } = kinds[order.kind ?? 'serving'];
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const request = createNodeRequest(nodeName, names, pair);
  const ends = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const created = await send<CertificateSigningRequest>(
    'POST',
    path,
    {
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { generateName },
      spec: {
        signerName,
        request: Buffer.from(request).toString('base64'),
        usages: [...usages],
      },
    },
    ends,
  );
  const { name } = created.metadata;
  onSent(name);
  for (let waitMs = pollMs; ; waitMs = Math.min(waitMs * 1.5, 10 * pollMs)) {
    await setTimeout(waitMs, undefined, { signal: ends }).catch(() => {});
    if (signal.aborted) throw signal.reason;
    if (ends.aborted) {
      throw new Error(
        `the certificate request ${name} was not approved and signed within ${Math.round(timeoutMs / 1000)} s: ${approver}`,
      );
    }
    const { status } = await send<CertificateSigningRequest>('GET', `${path}/${name}`, undefined, ends);
    const refused = status?.conditions?.find(({ type }) => type === 'Denied' || type === 'Failed');
    if (refused) {
      throw new Error(
        `the certificate request ${name} was refused: ${refused.reason ?? refused.type} ${refused.message ?? ''}`.trim(),
      );
    }
    if (status?.certificate) {
      const certificate = Buffer.from(status.certificate, 'base64').toString('utf8').trimEnd();
      const key = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
      return `${certificate}\n${key}`;
    }
  }
}
