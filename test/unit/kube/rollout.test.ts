import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EdgeadmError } from '../../../src/errors.ts';
import { connect } from '../../../src/kube/client.ts';
import { rolloutProgress } from '../../../src/kube/rollout-status.ts';
import type { KubeClient, KubeObject } from '../../../src/kube/types.ts';
import type { Event } from '../../../src/workflow/events.ts';
import { type FakeApiServer, startApiServer } from '../../fakes/apiserver.ts';

let server: FakeApiServer;
let client: KubeClient;

beforeEach(async () => {
  server = await startApiServer();
  client = await connect({ kubeconfig: server.kubeconfig(), timeoutMs: 5000 });
  server.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kube-flannel' } });
});
afterEach(() => server.close());

const ref = { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'kube-flannel-ds', namespace: 'kube-flannel' };

function daemonSet(desired: number, available: number, extra: Record<string, unknown> = {}): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: ref.name, namespace: ref.namespace },
    spec: { selector: { matchLabels: { app: 'flannel' } } },
    status: {
      observedGeneration: 1,
      desiredNumberScheduled: desired,
      updatedNumberScheduled: desired,
      numberAvailable: available,
      ...extra,
    },
  };
}

function pod(name: string, node: string, status: Record<string, unknown>): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'kube-flannel', labels: { app: 'flannel' } },
    spec: { nodeName: node },
    status,
  };
}

async function timeout(): Promise<EdgeadmError> {
  return client.waitRollout([ref], { timeoutMs: 300 }).then(
    () => expect.unreachable('it was ready'),
    (error) => error,
  );
}

describe('waitRollout', () => {
  it('returns when all are rolled out, and reports progress once per change', async () => {
    server.put(daemonSet(2, 1));
    const events: Event[] = [];
    const wait = client.waitRollout([ref], { timeoutMs: 10_000, emit: (event) => events.push(event) });
    while (server.requests.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    server.put(daemonSet(2, 2));
    await wait;
    expect(events).toEqual([
      {
        type: 'progress',
        step: 'DaemonSet kube-flannel/kube-flannel-ds: 1 of 2 pods available',
        done: 1,
        total: 2,
        unit: 'items',
      },
      {
        type: 'progress',
        step: 'DaemonSet kube-flannel/kube-flannel-ds: 2 of 2 pods available',
        done: 2,
        total: 2,
        unit: 'items',
      },
    ]);
  });

  it('survives an API server that goes away for a moment', async () => {
    server.put(daemonSet(1, 1));
    server.fail({ path: /daemonsets/, times: 3, how: 'reset' });
    await client.waitRollout([ref], { timeoutMs: 10_000 });
  });

  it('on a time-out says which object, its conditions, pod states, events and log lines', async () => {
    server.put(
      daemonSet(3, 0, {
        conditions: [{ type: 'Stuck', status: 'True', reason: 'Because', message: 'of this' }],
      }),
    );
    server.put(
      pod('flannel-a', 'cp-1', {
        phase: 'Pending',
        initContainerStatuses: [
          {
            name: 'install-cni',
            ready: false,
            restartCount: 0,
            state: { waiting: { reason: 'ErrImagePull', message: 'no such host' } },
          },
        ],
      }),
    );
    server.put(
      pod('flannel-b', 'edge-1', {
        phase: 'Running',
        containerStatuses: [
          {
            name: 'kube-flannel',
            ready: false,
            restartCount: 4,
            state: { waiting: { reason: 'CrashLoopBackOff' } },
            lastState: { terminated: { exitCode: 1, reason: 'Error' } },
          },
        ],
      }),
    );
    server.put(
      pod('flannel-c', 'edge-2', { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] }),
    );
    server.logs.set(
      'kube-flannel/flannel-b/kube-flannel/previous',
      `${Array.from({ length: 30 }, (_, index) => `line ${index}`).join('\n')}\nFailed to find any valid interface to use\n`,
    );
    server.put({
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'e1', namespace: 'kube-flannel' },
      involvedObject: { kind: 'Pod', name: 'flannel-b' },
      type: 'Warning',
      reason: 'BackOff',
      message: 'Back-off restarting failed container',
      count: 7,
    });
    const error = await timeout();
    expect(error.code).toBe('E_ROLLOUT');
    expect(error.message).toBe(
      'DaemonSet kube-flannel/kube-flannel-ds (0 of 3 pods available): not ready within 0.3 s',
    );
    const text = error.details.join('\n');
    expect(text).toContain('condition Stuck=True Because: of this');
    expect(text).toContain('pod flannel-a on cp-1: Pending');
    expect(text).toContain('container install-cni: waiting: ErrImagePull: no such host');
    expect(text).toContain(
      'container kube-flannel: waiting: CrashLoopBackOff, 4 restarts, last ended with 1 (Error)',
    );
    expect(text).toContain('Failed to find any valid interface to use');
    expect(text).not.toContain('line 20');
    expect(text).toContain('event BackOff: Back-off restarting failed container (7 times)');
    expect(text).not.toContain('flannel-c');
    expect(error.hint).toContain('install package');
  });

  it('says why a pod is not scheduled, and that there are none', async () => {
    server.put(daemonSet(1, 0));
    expect((await timeout()).details).toContain('  no pods');
    server.put(pod('flannel-a', '', { phase: 'Pending' }));
    expect((await timeout()).details.join('\n')).toContain('is kube-scheduler running?');
    server.put(pod('flannel-a', 'edge-1', { phase: 'Pending' }));
    expect((await timeout()).details.join('\n')).toContain('the kubelet of edge-1 has not started it');
    server.put(
      pod('flannel-a', '', {
        phase: 'Pending',
        conditions: [
          { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '1 Insufficient cpu' },
        ],
      }),
    );
    const error = await timeout();
    expect(error.details.join('\n')).toContain('PodScheduled=False Unschedulable: 1 Insufficient cpu');
    expect(error.hint).toContain('taints');
  });

  it('names an object that does not exist', async () => {
    expect((await timeout()).message).toContain('kube-flannel-ds (it does not exist)');
  });

  it('says that the API server was gone', async () => {
    server.fail({ times: 1000, how: 'reset' });
    const error = await timeout();
    expect(error.code).toBe('E_ROLLOUT');
    expect(error.details.join('\n')).toContain('connection closed');
  });

  it('does not wait for what the kubeconfig may not see', async () => {
    server.tokens.weak = 'bootstrap';
    const weak = await connect({ kubeconfig: server.kubeconfig({ token: 'weak' }) });
    await expect(weak.waitRollout([ref], { timeoutMs: 60_000 })).rejects.toMatchObject({
      reason: 'Forbidden',
    });
  });

  it('does not wait for nodes that are offline', async () => {
    const unknown = { conditions: [{ type: 'Ready', status: 'Unknown' }] };
    server.put({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'edge-1' }, status: unknown });
    server.put(daemonSet(2, 1));
    server.put(pod('flannel-a', 'cp-1', { conditions: [{ type: 'Ready', status: 'True' }] }));
    server.put(pod('flannel-b', 'edge-1', { conditions: [{ type: 'Ready', status: 'False' }] }));
    const events: Event[] = [];
    await client.waitRollout([ref], { timeoutMs: 10_000, emit: (event) => events.push(event) });
    expect(JSON.stringify(events)).toContain('offline: edge-1');
    server.put(pod('flannel-c', 'edge-2', { conditions: [{ type: 'Ready', status: 'False' }] }));
    server.put(daemonSet(3, 1));
    expect((await timeout()).code).toBe('E_ROLLOUT');
  });

  it('stops at once when it is told to', async () => {
    server.put(daemonSet(1, 0));
    const controller = new AbortController();
    const wait = client.waitRollout([ref], { timeoutMs: 60_000, signal: controller.signal });
    controller.abort();
    await expect(wait).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('rolloutProgress', () => {
  const deployment = (spec: object, status: object): KubeObject => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'coredns', generation: 2 } as KubeObject['metadata'],
    spec,
    status: { observedGeneration: 2, ...status },
  });

  it.each([
    ['its controller has not seen it', deployment({}, { observedGeneration: 1 }), false],
    ['too few are updated', deployment({ replicas: 2 }, { updatedReplicas: 1, availableReplicas: 2 }), false],
    [
      'too few are available',
      deployment({ replicas: 2 }, { updatedReplicas: 2, availableReplicas: 1 }),
      false,
    ],
    [
      'old pods are left',
      deployment({ replicas: 1 }, { replicas: 2, updatedReplicas: 1, availableReplicas: 2 }),
      false,
    ],
    [
      'all are there',
      deployment({ replicas: 2 }, { replicas: 2, updatedReplicas: 2, availableReplicas: 2 }),
      true,
    ],
    ['none are wanted', deployment({ replicas: 0 }, {}), true],
    ['a daemon set is wanted nowhere', daemonSet(0, 0), true],
    [
      'a stateful set is behind',
      {
        ...deployment(
          { replicas: 1 },
          { updatedReplicas: 1, readyReplicas: 1, currentRevision: 'a', updateRevision: 'b' },
        ),
        kind: 'StatefulSet',
      },
      false,
    ],
  ])('%s', (_, object, done) => {
    expect(rolloutProgress(object).done).toBe(done);
  });

  it('knows that a deployment gave up', () => {
    const conditions = [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }];
    expect(rolloutProgress(deployment({ replicas: 1 }, { conditions })).failed).toBe(true);
  });
});
