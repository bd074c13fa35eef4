import type { EdgeHealthSettings } from '../../../config/edge-health.ts';
import { KubeApiError } from '../../../kube/api-error.ts';
import { type ListWatchOptions, listWatch } from '../../../kube/list-watch.ts';
import type { KubeObject } from '../../../kube/types.ts';
import { peersKey, peersNamespace } from '../../health/protocol.ts';
import type { Duty, DutyContext } from '../duty.ts';
import type { Metrics } from '../metrics.ts';
import { workQueue } from '../work-queue.ts';
import { Fleet, type Node } from './fleet.ts';
import { type Change, Judge } from './judge.ts';
import { type PeersMap, peersText, writePeers } from './peers.ts';
import { eachPodOf, podKey, settlePod } from './pods.ts';
import { type Pod, planTolerations } from './tolerations.ts';

const edgeLabel = 'superedge.io/node-edge=enable';
/** Votes grow old without an event. */
const lookEveryMs = 5000;

/**
 * Keeps pods on edge nodes that merely lost their cloud link. kube-controller-manager taints a silent node and evicts
 * what does not tolerate that; this duty gives pods of edge nodes a toleration without end, and their own seconds back
 * when the node's peers vote that it is lost. So kube evicts, as usual, and only then. It deletes nothing; when it is
 * down, pods keep what they have and new ones have Kubernetes' defaults.
 */
export function edgeHealthDuty(settings: EdgeHealthSettings, metrics: Metrics): Duty {
  let judge: Judge | undefined;
  let fleet: Fleet | undefined;
  metrics.gauge('edgeadm_edge_health_nodes', 'Edge nodes watched.', () => fleet?.size ?? 0);
  metrics.gauge(
    'edgeadm_edge_health_cut_off_nodes',
    'Edge nodes that are silent and keep their pods.',
    () => judge?.count('cut-off') ?? 0,
  );
  metrics.gauge(
    'edgeadm_edge_health_lost_nodes',
    'Edge nodes whose peers do not reach them either.',
    () => judge?.count('lost') ?? 0,
  );
  const changed = metrics.counter(
    'edgeadm_edge_health_pods_changed_total',
    'Pods whose tolerations were set.',
  );
  const errors = metrics.counter(
    'edgeadm_edge_health_errors_total',
    'API requests that failed, by what they were for.',
  );
  changed.add({}, 0);
  return {
    name: 'edge-health',
    run: (context) => {
      const state = { fleet: new Fleet(settings), onPodChanged: () => changed.add() };
      fleet = state.fleet;
      judge = new Judge(fleet, settings.lostPerMinute);
      const failed = (operation: string, message: string) => {
        errors.add({ operation });
        context.warn(message);
      };
      return run(context, { ...state, judge, failed });
    },
  };
}

interface State {
  fleet: Fleet;
  judge: Judge;
  onPodChanged(): void;
  failed(operation: string, message: string): void;
}

async function run(context: DutyContext, { fleet, judge, onPodChanged, failed }: State): Promise<void> {
  const { transport, openWatch, signal, log, record } = context;
  const synced = Promise.withResolvers<void>();
  const told = new Map<string, string>();

  const onError = (operation: string) => (key: string, error: Error) => {
    // A conflict is somebody else's change: the next try sees it.
    if (error instanceof KubeApiError && error.status === 409) return;
    failed(operation, `${key}: ${error.message}`);
  };
  const pods = workQueue({
    signal,
    concurrency: 4,
    work: async (key) => {
      if (await settlePod(context, key, (node) => judge.isLost(node))) onPodChanged();
      return 'done';
    },
    onError: onError('pod'),
  });
  const nodes = workQueue({
    signal,
    concurrency: 2,
    work: async (name) => {
      await eachPodOf(context, name, addPod);
      return 'done';
    },
    onError: onError('list'),
  });
  const peers = workQueue({
    signal,
    concurrency: 2,
    work: async (name) => {
      if (fleet.get(name) && told.get(name) !== peersText(fleet, name))
        await writePeers(context, fleet, name);
      return 'done';
    },
    onError: onError('peers'),
  });

  function addPod(pod: Pod): void {
    const node = pod.spec?.nodeName ?? '';
    if (!fleet.get(node) || !judge.isSettled(node)) return;
    if (planTolerations(pod, judge.isLost(node))) pods.add(podKey(pod));
  }

  function look(): void {
    for (const change of judge.look()) {
      report(change);
      if (change.before === 'lost' || change.after !== 'connected') nodes.add(change.name);
    }
  }

  function report({ name, before, after }: Change): void {
    const voters = fleet.votersOn(name).filter(({ ready }) => ready === 'True');
    const against = voters.filter(({ vote }) => vote === 'unreachable').map((voter) => voter.name);
    log(`node ${name} is ${after}${after === 'lost' ? ` by the votes of ${against.join(', ')}` : ''}`);
    const node = {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, uid: fleet.get(name)?.uid },
    } as KubeObject;
    const message =
      after === 'lost'
        ? `its peers ${against.join(', ')} do not reach it either: its pods are evicted after their toleration`
        : 'the cloud does not hear of it; its pods stay';
    if (after === 'lost') void record(node, { type: 'Warning', reason: 'NodeLost', message });
    else if (after === 'cut-off') void record(node, { type: 'Normal', reason: 'NodeCutOff', message });
    else if (before === 'lost')
      void record(node, { type: 'Normal', reason: 'NodeBack', message: 'its pods stay' });
  }

  const watch = <T extends KubeObject>(
    options: Pick<
      ListWatchOptions<T>,
      'path' | 'onObject' | 'onDelete' | 'onList' | 'onSync' | 'labelSelector' | 'fieldSelector'
    >,
  ) =>
    listWatch<T>({
      ...options,
      transport,
      openWatch,
      signal,
      onRetry: (error, waitMs) => failed('watch', `${error.message}; again in ${Math.ceil(waitMs / 1000)} s`),
    });

  const tell = (names: readonly string[]) => {
    for (const name of names) {
      if (fleet.get(name) && told.get(name) !== peersText(fleet, name)) peers.add(name);
    }
  };
  let nodesSynced = false;
  let listed = new Set<string>();
  const remove = (name: string) => {
    told.delete(name);
    tell(fleet.remove(name));
  };
  const timer = setInterval(() => {
    if (nodesSynced) look();
  }, lookEveryMs);
  signal.addEventListener('abort', () => {
    clearInterval(timer);
    synced.resolve();
  });
  await Promise.all([
    watch<Node>({
      path: '/api/v1/nodes',
      labelSelector: edgeLabel,
      onObject: (node) => {
        const isNew = fleet.get(node.metadata.name) === undefined;
        listed.add(node.metadata.name);
        const moved = fleet.put(node);
        if (!nodesSynced) return;
        tell(moved);
        if (isNew) nodes.add(node.metadata.name);
        look();
      },
      onDelete: ({ metadata: { name } }) => remove(name),
      onList: () => {
        listed = new Set();
      },
      onSync: () => {
        for (const name of fleet.names) if (!listed.has(name)) remove(name);
        nodesSynced = true;
        synced.resolve();
        look();
      },
    }),
    watch({
      path: '/apis/storage.k8s.io/v1/csinodes',
      onObject: (csiNode) => {
        fleet.vote(csiNode);
        if (nodesSynced) look();
      },
      onDelete: ({ metadata: { name } }) => fleet.forgetVote(name),
    }),
    synced.promise.then(() =>
      watch<KubeObject & PeersMap>({
        path: `/api/v1/namespaces/${peersNamespace}/configmaps`,
        onObject: ({ metadata: { name }, data }) => {
          told.set(name, data?.[peersKey] ?? '');
          tell([name]);
        },
        onDelete: ({ metadata: { name } }) => {
          told.delete(name);
          tell([name]);
        },
        onList: () => told.clear(),
        onSync: () => tell(fleet.names),
      }),
    ),
    synced.promise.then(() =>
      watch<Pod>({
        path: '/api/v1/pods',
        // Only pods that are bound and can still be evicted.
        fieldSelector: 'spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed',
        onObject: addPod,
        onDelete: (pod) => pods.forget(podKey(pod)),
      }),
    ),
  ]);
  await Promise.all([pods.finished(), nodes.finished(), peers.finished()]);
}
