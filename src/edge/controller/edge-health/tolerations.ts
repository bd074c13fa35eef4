import type { KubeObject } from '../../../kube/types.ts';

/** core/v1 Toleration. */
export interface Toleration {
  key?: string;
  operator?: string;
  value?: string;
  effect?: string;
  tolerationSeconds?: number;
}

/** core/v1 Pod, as far as it is read. */
export type Pod = KubeObject & {
  metadata: { namespace: string; uid?: string; deletionTimestamp?: string };
  spec?: { nodeName?: string; tolerations?: Toleration[] };
};

/** How long a pod tolerates an unreachable node when its peers say so too; its own word before edgeadm's. */
export const secondsAnnotation = 'edgeadm.superedge.io/unreachable-seconds';
/** On a pod, with the value `kubernetes`: leave it alone. */
export const evictionAnnotation = 'edgeadm.superedge.io/eviction';

const taint = 'node.kubernetes.io/unreachable';

export interface TolerationChange {
  tolerations: Toleration[];
  /** For `secondsAnnotation`. */
  seconds: string;
}

/**
 * What to change in a pod of an edge node, if anything, so that kube's own eviction does what shall be done: it never
 * comes while the node is only cut off (no end of the toleration), and comes after the pod's own seconds once the node
 * is lost. Nothing is deleted here. The API allows exactly this on a bound pod: added tolerations, and other seconds of
 * old ones (validateOnlyAddedTolerations, k8s.io/kubernetes/pkg/apis/core/validation); kube starts to count, or cancels
 * what was planned, when the toleration changes (pkg/controller/tainteviction). `node.kubernetes.io/not-ready` stays as
 * it is: a kubelet that reports itself not ready reaches the cloud.
 */
export function planTolerations(pod: Pod, lost: boolean): TolerationChange | undefined {
  const { annotations = {}, deletionTimestamp } = pod.metadata;
  if (deletionTimestamp || annotations[evictionAnnotation] === 'kubernetes') return undefined;
  const tolerations = pod.spec?.tolerations ?? [];
  const first = tolerations.find(tolerates);
  const remembered = toSeconds(annotations[secondsAnnotation]);
  // Seconds that stand there are the pod's own word (or were put back): they count more than what was remembered.
  const given = first ? (first.tolerationSeconds ?? remembered) : 0;
  // It tolerates it for good, as pods of DaemonSets do.
  if (given === undefined) return undefined;
  // Below zero is zero to kube as well.
  const seconds = Math.max(0, given);
  const exact = first?.key === taint && first.effect === 'NoExecute';
  if (exact && first.tolerationSeconds === (lost ? seconds : undefined)) return undefined;
  const { tolerationSeconds: _, ...open } = exact
    ? first
    : { key: taint, operator: 'Exists', effect: 'NoExecute' };
  const wanted: Toleration = lost ? { ...open, tolerationSeconds: seconds } : open;
  return {
    // kube takes the first that matches, so one that is broader stays as it is, behind.
    tolerations: exact
      ? tolerations.map((each) => (each === first ? wanted : each))
      : [wanted, ...tolerations],
    seconds: String(seconds),
  };
}

/** As `ToleratesTaint` of k8s.io/component-helpers, for this taint, which has no value. */
function tolerates({ key, operator = 'Equal', value = '', effect }: Toleration): boolean {
  if (effect && effect !== 'NoExecute') return false;
  if (key && key !== taint) return false;
  return operator === 'Exists' || (Boolean(key) && operator === 'Equal' && value === '');
}

function toSeconds(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
