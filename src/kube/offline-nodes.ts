import type { Condition, Progress } from './rollout-status.ts';
import type { KubeClient, KubeObject } from './types.ts';

const conditionOf = (object: KubeObject, type: string) =>
  (object.status as { conditions?: Condition[] } | undefined)?.conditions?.find((each) => each.type === type)
    ?.status;

/**
 * An edge node that is offline must not hold up a rollout: when all pods that a DaemonSet lacks are on nodes whose
 * kubelet the cluster has lost (Ready is Unknown), it is as far as it can be.
 */
export async function withoutOfflineNodes(
  client: KubeClient,
  object: KubeObject,
  progress: Progress,
): Promise<Progress> {
  if (object.kind !== 'DaemonSet' || progress.done || !progress.amount) return progress;
  const lacking = progress.amount.total - progress.amount.done;
  const nodes = await client.list<KubeObject>('v1', 'Node');
  const offline = nodes
    .filter((node) => conditionOf(node, 'Ready') === 'Unknown')
    .map(({ metadata }) => metadata.name);
  if (offline.length < lacking) return progress;
  const pods = await podsOf(client, object);
  const waiting = pods.filter((pod) => conditionOf(pod, 'Ready') !== 'True').map((pod) => nodeOf(pod) ?? '');
  if (waiting.length === 0 || !waiting.every((node) => offline.includes(node))) return progress;
  return {
    ...progress,
    done: true,
    text: `${progress.text}, the others' nodes are offline: ${waiting.join(', ')}`,
  };
}

const nodeOf = (pod: KubeObject) => (pod.spec as { nodeName?: string } | undefined)?.nodeName;

/** The pods that a workload's selector takes. */
export async function podsOf<T extends KubeObject>(client: KubeClient, object: KubeObject): Promise<T[]> {
  const selector = (object.spec as { selector?: { matchLabels?: Record<string, string> } } | undefined)
    ?.selector;
  const labels = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  if (labels.length === 0) return [];
  const namespace = object.metadata.namespace ?? 'default';
  return client.list<T>('v1', 'Pod', { namespace, labelSelector: labels.join(',') });
}
