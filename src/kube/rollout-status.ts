import type { KubeObject } from './types.ts';

export interface Progress {
  done: boolean;
  /** It said itself that it will not get further. */
  failed: boolean;
  /** `2 of 3 pods available`. */
  text: string;
  amount?: { done: number; total: number; unit: 'items' };
}

export interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
}

interface Counts {
  observedGeneration?: number;
  conditions?: Condition[];
  // DaemonSet
  desiredNumberScheduled?: number;
  updatedNumberScheduled?: number;
  numberAvailable?: number;
  // Deployment, StatefulSet
  replicas?: number;
  updatedReplicas?: number;
  availableReplicas?: number;
  readyReplicas?: number;
  currentRevision?: string;
  updateRevision?: string;
}

interface Spec {
  replicas?: number;
}

/** How far a workload is. The rules are kubectl's (k8s.io/kubectl/pkg/polymorphichelpers/rollout_status.go). */
export function rolloutProgress(object: KubeObject | undefined): Progress {
  if (!object) return { done: false, failed: false, text: 'it does not exist' };
  const status = (object.status ?? {}) as Counts;
  const spec = (object.spec ?? {}) as Spec;
  const generation = (object.metadata as { generation?: number }).generation ?? 0;
  if ((status.observedGeneration ?? 0) < generation) {
    return { done: false, failed: false, text: 'not yet seen by its controller' };
  }
  switch (object.kind) {
    case 'DaemonSet': {
      const total = status.desiredNumberScheduled ?? 0;
      return counted(total, status.updatedNumberScheduled ?? 0, status.numberAvailable ?? 0);
    }
    case 'Deployment': {
      const stalled = status.conditions?.find(
        ({ type, reason }) => type === 'Progressing' && reason === 'ProgressDeadlineExceeded',
      );
      const progress = counted(
        spec.replicas ?? 1,
        status.updatedReplicas ?? 0,
        status.availableReplicas ?? 0,
      );
      const old = (status.replicas ?? 0) - (status.updatedReplicas ?? 0);
      if (progress.done && old > 0) return { ...progress, done: false, text: `${old} old pods still to end` };
      return { ...progress, failed: stalled !== undefined && !progress.done };
    }
    case 'StatefulSet': {
      const progress = counted(spec.replicas ?? 1, status.updatedReplicas ?? 0, status.readyReplicas ?? 0);
      const behind = status.updateRevision !== undefined && status.updateRevision !== status.currentRevision;
      return behind ? { ...progress, done: false } : progress;
    }
    default:
      return { done: true, failed: false, text: `${object.kind} has no rollout` };
  }
}

function counted(total: number, updated: number, available: number): Progress {
  const done = updated >= total && available >= total;
  const text =
    updated < total
      ? `${updated} of ${total} pods updated`
      : `${Math.min(available, total)} of ${total} pods available`;
  return {
    done,
    failed: false,
    text,
    amount: { done: Math.min(updated, available, total), total, unit: 'items' },
  };
}
