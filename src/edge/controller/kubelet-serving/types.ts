import type { KubeObject } from '../../../kube/types.ts';

export const signerName = 'kubernetes.io/kubelet-serving';

/** certificates.k8s.io/v1, as far as it is read. */
export type CertificateSigningRequest = KubeObject & {
  spec: {
    signerName: string;
    /** Base64 of PEM. */
    request: string;
    username?: string;
    groups?: string[];
    usages?: string[];
  };
  status?: {
    conditions?: { type: string; status: string; reason?: string; message?: string }[];
    certificate?: string;
  };
};

/** core/v1 Node, as far as it is read. */
export type Node = KubeObject & { status?: { addresses?: { type: string; address: string }[] } };

/** What a request that keeps to the rules asks for. */
export interface Asked {
  nodeName: string;
  dns: readonly string[];
  /** Canonical addresses. */
  ip: readonly string[];
}

/** Why a request is left alone. `final`: no later state of the cluster can change it, since a request's spec cannot change. */
export interface Refusal {
  reason:
    | 'RequesterNotNode'
    | 'MalformedRequest'
    | 'SubjectMismatch'
    | 'UsageNotAllowed'
    | 'SanNotAllowed'
    | 'NodeNotFound'
    | 'SanNotOfNode'
    | 'SanReserved';
  message: string;
  final: boolean;
}
