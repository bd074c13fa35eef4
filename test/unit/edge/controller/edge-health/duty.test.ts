import { afterEach, beforeEach, expect, it } from 'vitest';
import { edgeHealthDefaults } from '../../../../../src/config/edge-health.ts';
import { type Pod, secondsAnnotation } from '../../../../../src/edge/controller/edge-health/tolerations.ts';
import { runController } from '../../../../../src/edge/controller/run.ts';
import { formatVote, parsePeers, peersKey, voteAnnotation } from '../../../../../src/edge/health/protocol.ts';
import type { KubeObject } from '../../../../../src/kube/types.ts';
import type { Event } from '../../../../../src/workflow/events.ts';
import { startWatchApi, type WatchApi } from '../../../../fakes/watch-api.ts';
import { eventually } from '../eventually.ts';

let api: WatchApi;
let stop: AbortController;
let running: Promise<void> | undefined;
const events: Event[] = [];

beforeEach(async () => {
  api = await startWatchApi();
  stop = new AbortController();
  events.length = 0;
});

afterEach(async () => {
  stop.abort();
  await running;
  await api.close();
});

async function start(settings: Partial<typeof edgeHealthDefaults> = {}): Promise<void> {
  running = runController({
    signal: stop.signal,
    emit: (event) => events.push(event),
    kubeconfig: { kubeconfig: api.kubeconfig },
    healthAddress: false,
    leaderElection: false,
    kubeletServing: false,
    edgeHealth: { ...edgeHealthDefaults, lostPerMinute: 6000, ...settings },
  });
  // Nodes, votes, peers, pods.
  await eventually(() => expect(api.watches).toBe(4));
}

function putNode(name: string, ready = 'True', labels: Record<string, string> = {}): void {
  api.put(`/api/v1/nodes/${name}`, {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      uid: `uid-${name}`,
      labels: { 'superedge.io/node-edge': 'enable', 'superedge.io/site': 'shop', ...labels },
    },
    status: {
      addresses: [{ type: 'InternalIP', address: `10.0.0.${name.slice(-1)}` }],
      conditions: [{ type: 'Ready', status: ready }],
    },
  });
}

let turn = 0;
function vote(name: string, ...unreachable: string[]): void {
  const text = formatVote({ turn: String(turn++), unreachable });
  api.put(`/apis/storage.k8s.io/v1/csinodes/${name}`, {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSINode',
    metadata: { name, annotations: { [voteAnnotation]: text } },
  });
}

const podPath = (name: string) => `/api/v1/namespaces/default/pods/${name}`;
function putPod(name: string, nodeName: string): void {
  api.put(podPath(name), {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', uid: `uid-${name}` },
    spec: {
      nodeName,
      tolerations: [
        {
          key: 'node.kubernetes.io/unreachable',
          operator: 'Exists',
          effect: 'NoExecute',
          tolerationSeconds: 300,
        },
      ],
    },
  });
}

const seconds = (name: string) => api.get<Pod>(podPath(name))?.spec?.tolerations?.[0]?.tolerationSeconds;
const isKept = (name: string) => seconds(name) === undefined && api.get(podPath(name)) !== undefined;
const peersOf = (name: string) => {
  const map = api.get<KubeObject & { data: Record<string, string> }>(
    `/api/v1/namespaces/edgeadm-health/configmaps/${name}`,
  );
  return parsePeers(map?.data[peersKey])?.peers.map((peer) => peer.name);
};

it('keeps pods of edge nodes, lets those of a lost node go, and keeps them again when it is back', async () => {
  for (const name of ['edge-1', 'edge-2', 'edge-3']) putNode(name);
  putPod('before', 'edge-1');
  await start();
  putPod('after', 'edge-1');
  putPod('elsewhere', 'cloud-1');
  await eventually(() => expect([isKept('before'), isKept('after')]).toEqual([true, true]));
  expect(api.get<Pod>(podPath('before'))?.metadata.annotations).toEqual({ [secondsAnnotation]: '300' });

  putNode('edge-1', 'Unknown');
  for (const voter of ['edge-2', 'edge-3']) for (let again = 0; again < 2; again++) vote(voter, 'edge-1');
  await eventually(() => expect([seconds('before'), seconds('after')]).toEqual([300, 300]));
  await eventually(() => expect(api.below('/api/v1/namespaces/default/events')).toHaveLength(1));
  expect(api.below('/api/v1/namespaces/default/events')[0]).toMatchObject({
    reason: 'NodeLost',
    involvedObject: { name: 'edge-1' },
  });

  vote('edge-2');
  await eventually(() => expect(isKept('before')).toBe(true));
  vote('edge-2', 'edge-1');
  await eventually(() => expect(seconds('before')).toBe(300));
  putNode('edge-1', 'True');
  await eventually(() => expect([isKept('before'), isKept('after')]).toEqual([true, true]));
  expect(seconds('elsewhere')).toBe(300);
  expect(api.requests.filter(({ method }) => method === 'DELETE')).toEqual([]);
});

it('tells each node its peers, and again when the site changes', async () => {
  for (const name of ['edge-1', 'edge-2', 'edge-3']) putNode(name);
  putNode('edge-4', 'True', { 'superedge.io/site': 'depot' });
  await start({ peers: 2 });
  await eventually(() => expect(peersOf('edge-1')).toEqual(['edge-2', 'edge-3']));
  await eventually(() => expect(peersOf('edge-4')).toEqual([]));
  putNode('edge-4');
  await eventually(() => expect(peersOf('edge-3')).toEqual(['edge-4', 'edge-1']));
  api.remove('/api/v1/nodes/edge-2');
  await eventually(() => expect(peersOf('edge-1')).toEqual(['edge-3', 'edge-4']));
  api.remove('/api/v1/namespaces/edgeadm-health/configmaps/edge-1');
  await eventually(() => expect(peersOf('edge-1')).toEqual(['edge-3', 'edge-4']));
  expect(api.get<KubeObject>('/api/v1/namespaces/edgeadm-health/configmaps/edge-1')?.metadata).toMatchObject({
    ownerReferences: [{ kind: 'Node', name: 'edge-1', uid: 'uid-edge-1' }],
  });
});

it('lives through conflicts, and nodes that went while it could not watch', async () => {
  for (const name of ['edge-1', 'edge-2']) putNode(name);
  await start();
  await eventually(() => expect(peersOf('edge-1')).toEqual(['edge-2']));
  let refused = 0;
  api.fault = (method, path) => {
    if (method === 'GET' && path === '/api/v1/nodes') return refused > 3 ? undefined : 503;
    return method === 'PATCH' && path.includes('/pods/') && refused++ < 2 ? 409 : undefined;
  };
  putPod('p', 'edge-1');
  await eventually(() => expect(isKept('p')).toBe(true));
  expect(events.filter((event) => event.type === 'warning' && event.message.includes('default/p'))).toEqual(
    [],
  );

  api.cutWatches();
  await eventually(() => expect(api.watches).toBeLessThan(4));
  api.remove('/api/v1/nodes/edge-2');
  api.oldest = Number.MAX_SAFE_INTEGER;
  await eventually(() => {
    api.oldest = refused++ > 5 ? 0 : api.oldest;
    expect(peersOf('edge-1')).toEqual([]);
  });
});

it('writes peers again that were deleted while it could not watch', async () => {
  for (const name of ['edge-1', 'edge-2']) putNode(name);
  await start();
  const maps = '/api/v1/namespaces/edgeadm-health/configmaps';
  await eventually(() => expect([peersOf('edge-1'), peersOf('edge-2')]).toEqual([['edge-2'], ['edge-1']]));
  let held = true;
  api.fault = (method, path) => (held && method === 'GET' && path === maps ? 503 : undefined);
  api.cutWatches();
  await eventually(() => expect(api.watches).toBeLessThan(4));
  api.remove(`${maps}/edge-1`);
  api.oldest = Number.MAX_SAFE_INTEGER;
  held = false;
  const lists = () => api.requests.filter(({ method, path }) => method === 'GET' && path === maps).length;
  const before = lists();
  await eventually(() => {
    if (lists() > before + 4) api.oldest = 0;
    expect(peersOf('edge-1')).toEqual(['edge-2']);
  });
});
