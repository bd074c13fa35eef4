import type { KubeDocument } from '../config/types.ts';
import type { KubeObject, ObjectRef } from './types.ts';

interface Expression {
  key: string;
  operator: string;
  values?: string[];
}

interface Term {
  matchExpressions?: Expression[];
  matchFields?: Expression[];
}

interface NodeAffinity {
  requiredDuringSchedulingIgnoredDuringExecution?: { nodeSelectorTerms?: Term[] };
}

interface PodSpec {
  affinity?: { nodeAffinity?: NodeAffinity };
}

/** The complement of what DaemonSets of edge nodes select, whatever a node's label says. */
const notAnEdgeNode: Expression = { key: 'superedge.io/node-edge', operator: 'NotIn', values: ['enable'] };

const isOurs = ({ key, operator }: Expression): boolean =>
  key === notAnEdgeNode.key && operator === notAnEdgeNode.operator;

/** Terms of a node affinity with edge nodes left out of each; terms are alternatives, so that every one must say so. */
export function withoutEdgeNodes(terms: readonly Term[] = []): Term[] {
  const given = terms.length > 0 ? terms : [{}];
  return given.map((term) => ({
    ...term,
    matchExpressions: [...(term.matchExpressions ?? []).filter((each) => !isOurs(each)), notAnEdgeNode],
  }));
}

/** Leaves edge nodes out of a pod template of our own, in place. */
export function leaveOutEdgeNodes(workload: KubeDocument): void {
  const spec = podSpecOf(workload);
  spec.affinity ??= {};
  spec.affinity.nodeAffinity ??= {};
  spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution = {
    nodeSelectorTerms: withoutEdgeNodes(termsOf(spec)),
  };
}

/**
 * What to apply to a workload of kubeadm's so that it leaves edge nodes out: this one field, beside what others said of it.
 * kubeadm replaces the whole object when it upgrades an addon, and with it this field.
 */
export function keptOffEdgeNodes(live: KubeObject, ref: ObjectRef): KubeDocument {
  const { apiVersion, kind, name, namespace } = ref;
  const nodeSelectorTerms = withoutEdgeNodes(termsOf(podSpecOf(live)));
  const nodeAffinity = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } };
  return {
    apiVersion,
    kind,
    metadata: { name, namespace },
    spec: { template: { spec: { affinity: { nodeAffinity } } } },
  };
}

function podSpecOf(workload: KubeDocument): PodSpec {
  return (workload.spec as { template: { spec: PodSpec } }).template.spec;
}

function termsOf({ affinity }: PodSpec): Term[] | undefined {
  return affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
}
