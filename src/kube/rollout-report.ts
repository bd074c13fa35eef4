import { EdgeadmError } from '../errors.ts';
import { deadline, duration } from './deadline.ts';
import { describeRef } from './objects.ts';
import { podsOf } from './offline-nodes.ts';
import type { Condition, Progress } from './rollout-status.ts';
import { boundedTransport, type Transport } from './transport.ts';
import type { KubeClient, KubeObject, ObjectRef } from './types.ts';

interface Api {
  client: KubeClient;
  transport: Transport;
}

/** A workload that is waited for, as it was last seen. */
export interface Pending {
  ref: ObjectRef;
  object: KubeObject | undefined;
  progress: Progress;
}

const limits = { pods: 5, events: 5, logLines: 10, timeoutMs: 15_000 } as const;

interface ContainerStatus {
  name: string;
  ready: boolean;
  restartCount: number;
  state?: {
    waiting?: { reason?: string; message?: string };
    terminated?: { exitCode: number; reason?: string; message?: string };
  };
  lastState?: { terminated?: { exitCode: number; reason?: string } };
}

type Pod = KubeObject & {
  spec?: { nodeName?: string };
  status?: {
    phase?: string;
    conditions?: Condition[];
    initContainerStatuses?: ContainerStatus[];
    containerStatuses?: ContainerStatus[];
  };
};

type KubeEvent = KubeObject & {
  type?: string;
  reason?: string;
  message?: string;
  count?: number;
  lastTimestamp?: string;
};

/** Says why workloads did not become ready: conditions, states of their pods, last events, last log lines. */
export async function rolloutError(
  api: { transport: Transport; clientOn(transport: Transport): KubeClient },
  pending: readonly Pending[],
  {
    timeoutMs,
    unreachable,
    signal,
  }: { timeoutMs: number; unreachable: unknown; signal?: AbortSignal | undefined },
): Promise<EdgeadmError> {
  const bounds = { timeoutMs: limits.timeoutMs, signal };
  const transport = boundedTransport(api.transport, deadline(limits.timeoutMs), bounds);
  const bounded: Api = { transport, client: api.clientOn(transport) };
  const details: string[] = [];
  if (unreachable instanceof Error) details.push(`the API server did not answer: ${unreachable.message}`);
  else for (const each of pending) details.push(...(await report(bounded, each)));
  signal?.throwIfAborted();
  const names = pending.map(({ ref, progress }) => `${describeRef(ref)} (${progress.text})`).join(', ');
  const gaveUp = pending.some(({ progress }) => progress.failed);
  const when = gaveUp ? 'made no progress' : `not ready within ${duration(timeoutMs)}`;
  return new EdgeadmError('E_ROLLOUT', `${names}: ${when}`, { details, hint: hintFor(details, pending) });
}

function hintFor(details: readonly string[], pending: readonly Pending[]): string {
  const text = details.join('\n');
  if (/ErrImagePull|ImagePullBackOff|ErrImageNeverPull/.test(text)) {
    return 'An image is not on the node and cannot be pulled: is it in the install package (`edgeadm package inspect`), is the repository right?';
  }
  if (/CreateContainerConfigError/.test(text))
    return 'A ConfigMap or Secret that the pod names does not exist.';
  if (/FailedScheduling|Unschedulable/.test(text))
    return 'No node takes the pod: see taints, resources and node labels.';
  if (/FailedCreatePodSandBox/.test(text))
    return 'The pod network is not up on the node: see the CNI pods and /etc/cni/net.d.';
  const namespace = pending[0]?.ref.namespace ?? 'default';
  return `See \`kubectl -n ${namespace} describe pods\` and the log of the failing container; then run the same command again.`;
}

async function report(api: Api, { ref, object }: Pending): Promise<string[]> {
  const lines = [describeRef(ref)];
  const conditions = (object?.status as { conditions?: Condition[] } | undefined)?.conditions ?? [];
  for (const condition of conditions) lines.push(`  condition ${conditionText(condition)}`);
  try {
    lines.push(...(await events(api, ref)).map((line) => `  ${line}`));
    const pods = object ? await podsOf<Pod>(api.client, object) : [];
    if (object && pods.length === 0) lines.push('  no pods');
    const failing = pods.filter((pod) => !isReady(pod));
    for (const pod of failing.slice(0, limits.pods)) {
      lines.push(...(await podReport(api, pod)));
    }
    if (failing.length > limits.pods)
      lines.push(`  and ${failing.length - limits.pods} more pods that are not ready`);
  } catch (error) {
    lines.push(`  more could not be found out: ${(error as Error).message}`);
  }
  return lines;
}

function conditionText({ type, status, reason, message }: Condition): string {
  return `${type}=${status}${reason ? ` ${reason}` : ''}${message ? `: ${message}` : ''}`;
}

const isReady = (pod: Pod) =>
  pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');

async function podReport(api: Api, pod: Pod): Promise<string[]> {
  const where = pod.spec?.nodeName ? ` on ${pod.spec.nodeName}` : '';
  const lines = [`  pod ${pod.metadata.name}${where}: ${pod.status?.phase ?? 'no phase'}`];
  for (const condition of pod.status?.conditions ?? []) {
    if (condition.type === 'PodScheduled' && condition.status !== 'True')
      lines.push(`    ${conditionText(condition)}`);
  }
  const containers = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  if (containers.length === 0) lines.push(`    ${notStarted(pod)}`);
  for (const container of containers) {
    const text = containerText(container);
    if (!text) continue;
    lines.push(`    container ${container.name}: ${text}`);
    lines.push(...(await log(api, pod, container)).map((line) => `      ${line}`));
  }
  const ref = { apiVersion: 'v1', kind: 'Pod', ...pod.metadata };
  lines.push(...(await events(api, ref)).map((line) => `    ${line}`));
  return lines;
}

function notStarted(pod: Pod): string {
  if (pod.spec?.nodeName) return `the kubelet of ${pod.spec.nodeName} has not started it`;
  const seen = pod.status?.conditions?.some(({ type }) => type === 'PodScheduled');
  return seen ? 'not on a node yet' : 'no scheduler has looked at it: is kube-scheduler running?';
}

/** What is wrong with a container, or undefined. An init container that ended well is fine. */
function containerText({ ready, restartCount, state, lastState }: ContainerStatus): string | undefined {
  const { waiting, terminated } = state ?? {};
  const last = lastState?.terminated;
  const before = last ? `, last ended with ${last.exitCode} (${last.reason ?? 'no reason'})` : '';
  const restarts = restartCount > 0 ? `, ${restartCount} restarts` : '';
  if (waiting) {
    return `waiting: ${waiting.reason ?? 'no reason'}${waiting.message ? `: ${waiting.message}` : ''}${restarts}${before}`;
  }
  if (terminated) {
    return terminated.exitCode === 0
      ? undefined
      : `ended with ${terminated.exitCode} (${terminated.reason ?? ''})${restarts}`;
  }
  return ready ? undefined : `running, not ready${restarts}${before}`;
}

async function log(api: Api, pod: Pod, container: ContainerStatus): Promise<string[]> {
  const { waiting } = container.state ?? {};
  const previous = waiting !== undefined && container.restartCount > 0;
  if (waiting && !previous) return [];
  const path = `/api/v1/namespaces/${pod.metadata.namespace}/pods/${pod.metadata.name}/log`;
  const query = new URLSearchParams({
    container: container.name,
    tailLines: String(limits.logLines),
    previous: String(previous),
  });
  try {
    const answer = await api.transport.send('GET', `${path}?${query}`, {
      accept: '*/*',
      retry: false,
    });
    return answer.text.split('\n').filter(Boolean).slice(-limits.logLines);
  } catch {
    return ['(its log cannot be read)'];
  }
}

async function events(api: Api, ref: ObjectRef): Promise<string[]> {
  const found = await api.client.list<KubeEvent>('v1', 'Event', {
    ...(ref.namespace && { namespace: ref.namespace }),
    fieldSelector: `involvedObject.kind=${ref.kind},involvedObject.name=${ref.name}`,
  });
  return found
    .filter(({ type }) => type !== 'Normal')
    .sort((a, b) => (a.lastTimestamp ?? '').localeCompare(b.lastTimestamp ?? ''))
    .slice(-limits.events)
    .map(
      ({ reason, message, count }) =>
        `event ${reason}: ${message}${count && count > 1 ? ` (${count} times)` : ''}`,
    );
}
