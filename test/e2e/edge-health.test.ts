import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderDocuments } from '../../src/config/documents.ts';
import type { LiteApiserverStatus } from '../../src/edge/lite-apiserver/status.ts';
import { shellImage } from './support/cluster.ts';
import { poll, powerOff } from './support/control-plane.ts';
import { askLocalApi } from './support/local-api.ts';
import { createTestPlayground, type TestNode, type TestPlayground } from './support/playground.ts';

/** Kubernetes waits for minutes where these are seconds; nothing else is changed. */
const tolerationSeconds = 10;
const documents = [
  {
    apiVersion: 'kubeadm.k8s.io/v1beta4',
    kind: 'ClusterConfiguration',
    controllerManager: { extraArgs: [{ name: 'node-monitor-grace-period', value: '16s' }] },
    apiServer: {
      extraArgs: [{ name: 'default-unreachable-toleration-seconds', value: String(tolerationSeconds) }],
    },
  },
  {
    apiVersion: 'edgeadm.superedge.io/v1alpha1',
    kind: 'EdgeConfiguration',
    addons: { 'edge-health': { probeSeconds: 1 } },
  },
];

interface Pod {
  metadata: { name: string; uid: string; deletionTimestamp?: string };
  spec: { nodeName: string; tolerations: { key: string; tolerationSeconds?: number }[] };
  status: { conditions: { type: string; status: string }[]; containerStatuses: { restartCount: number }[] };
}

interface Slices {
  items: {
    metadata: { labels: Record<string, string> };
    endpoints?: { nodeName: string; conditions: { ready: boolean } }[];
  }[];
}

const app = (name: string, node: TestNode, image: string): object[] => [
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          nodeSelector: { 'kubernetes.io/hostname': node.hostname },
          terminationGracePeriodSeconds: 1,
          containers: [{ name, image, command: ['busybox', 'sleep', '100000'] }],
        },
      },
    },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { selector: { app: name }, ports: [{ port: 80 }] },
  },
];

describe('a site of three edge nodes', () => {
  let playground: TestPlayground;
  let cut: TestNode;
  let dead: TestNode;
  let peer: TestNode;
  let folder: string;
  let token: string;
  let before: Pod;

  const pods = async (name: string): Promise<Pod[]> =>
    (await playground.kubectlJson<{ items: Pod[] }>(['get', 'pods', '-l', `app=${name}`])).items;
  const podOf = async (name: string): Promise<Pod> => (await pods(name))[0]!;
  const unreachable = ({ spec }: Pod) =>
    spec.tolerations.find(({ key }) => key === 'node.kubernetes.io/unreachable')!;
  const readyOf = ({ items }: Slices, service: string) =>
    items
      .filter(({ metadata }) => metadata.labels['kubernetes.io/service-name'] === service)
      .flatMap(({ endpoints = [] }) => endpoints.map(({ conditions }) => conditions.ready));
  const inCloud = async (service: string) =>
    readyOf(await playground.kubectlJson<Slices>(['get', 'endpointslices']), service);
  const inSite = async (service: string) => {
    const path = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
    const { status, json } = await askLocalApi(peer, path, { token });
    expect(status).toBe(200);
    return readyOf(json, service);
  };
  const whenReadyIs = (node: TestNode, status: string) =>
    playground.kubectl(
      ['wait', `--for=condition=Ready=${status}`, `node/${node.hostname}`, '--timeout=120s'],
      {
        timeoutMs: 150_000,
      },
    );
  const asNode = (node: TestNode, args: readonly string[]) =>
    node.run(['kubectl', '--kubeconfig', '/etc/kubernetes/kubelet.conf', ...args], { allowFailure: true });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'edge-health-'));
    const config = join(folder, 'cluster.yaml');
    await writeFile(config, renderDocuments(documents));
    playground = await createTestPlayground({ edges: 3, sites: 1, bare: false, config });
    cut = playground.node('edge-1');
    dead = playground.node('edge-2');
    peer = playground.node('edge-3');
    const image = await shellImage(playground.kubectl);
    const items = [...app('on-cut', cut, image), ...app('on-dead', dead, image)];
    await playground.kubectl(['apply', '-f', '-'], {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
    });
    for (const name of ['on-cut', 'on-dead'])
      await playground.kubectl(['rollout', 'status', `deploy/${name}`, '--timeout=120s']);
    token = (await playground.kubectl(['create', 'token', '-n', 'kube-system', 'kube-proxy'])).stdout.trim();
  });
  afterAll(async () => {
    await playground?.delete();
    await rm(folder, { recursive: true, force: true });
  });

  test('knows its peers, and their pods tolerate an unreachable node without end', async () => {
    for (const node of [cut, dead, peer]) {
      await poll(
        `${node.short} has proof of two peers`,
        async () => {
          const { result } = await node.edgeadm(['status']);
          const { peers = [] } = (result?.data ?? {}) as Partial<LiteApiserverStatus>;
          const proven = peers.filter(({ reachable, online }) => reachable === 'yes' && online === 'yes');
          return proven.length === 2 || undefined;
        },
        { timeoutMs: 60_000, everyMs: 1000 },
      );
    }
    for (const name of ['on-cut', 'on-dead']) {
      const pod = await poll(
        `the pod ${name} is kept`,
        async () => {
          const found = await podOf(name);
          return unreachable(found).tolerationSeconds === undefined ? found : undefined;
        },
        { timeoutMs: 30_000 },
      );
      if (name === 'on-cut') before = pod;
    }
    expect(await inSite('on-cut')).toEqual([true]);
  });

  test('nobody votes for another one', async () => {
    const patch = [
      'patch',
      'csinode',
      cut.hostname,
      '--type=merge',
      '--patch',
      JSON.stringify({
        metadata: {
          annotations: {
            'edgeadm.superedge.io/unreachable-peers': `{"turn":"x","unreachable":["${dead.hostname}"]}`,
          },
        },
      }),
    ];
    const byPeer = await asNode(peer, patch);
    expect(byPeer.stderr).toContain('can only access CSINode with the same name as the requesting node');
    const byPod = await playground.kubectl(
      [...patch, '--as=system:serviceaccount:kube-flannel:flannel', '--as-group=system:serviceaccounts'],
      { allowFailure: true },
    );
    expect(byPod.stderr).toContain('Forbidden');
    const byItself = await asNode(cut, patch);
    expect(byItself.stdout).toContain('patched');
  });

  test('the controller can change nothing of a pod but this', async () => {
    const as = '--as=system:serviceaccount:kube-system:edgeadm-controller';
    const image = await playground.kubectl(
      ['set', 'image', `pod/${before.metadata.name}`, 'on-cut=evil', as],
      {
        allowFailure: true,
      },
    );
    expect(image.stderr).toContain('the edgeadm controller changes only tolerations of pods');
    const deleted = await playground.kubectl(['delete', 'pod', before.metadata.name, as], {
      allowFailure: true,
    });
    expect(deleted.stderr).toContain('Forbidden');
  });

  test('keeps the pods and endpoints of the node that is cut off, and loses those of the dead one', async () => {
    await cut.disconnect();
    await whenReadyIs(cut, 'Unknown');
    await poll(
      'the cloud takes its pod for not ready',
      async () => (await inCloud('on-cut'))[0] === false || undefined,
      {
        timeoutMs: 30_000,
      },
    );
    expect(await inSite('on-cut')).toEqual([true]);

    await powerOff(dead);
    await whenReadyIs(dead, 'Unknown');
    const evicted = await poll(
      'the pod of the dead node is evicted',
      async () => (await pods('on-dead')).find(({ metadata }) => metadata.deletionTimestamp),
      { timeoutMs: 90_000 },
    );
    expect(unreachable(evicted).tolerationSeconds).toBe(tolerationSeconds);
    // The one that was cut off has been so for longer.
    const kept = await podOf('on-cut');
    expect(kept.metadata).toMatchObject({ uid: before.metadata.uid });
    expect(kept.metadata.deletionTimestamp).toBeUndefined();
    expect(unreachable(kept).tolerationSeconds).toBeUndefined();
    expect(await inCloud('on-cut')).toEqual([false]);
    expect(await inSite('on-cut')).toEqual([true]);
    expect(await inSite('on-dead')).not.toContain(true);
    const { stdout: events } = await playground.kubectl([
      'get',
      'events',
      '-o',
      'name',
      '--field-selector=reason=NodeLost',
    ]);
    expect(events.trim().split('\n')).toHaveLength(1);
  });

  test('has the same pod when the node is back', async () => {
    await cut.connect();
    await whenReadyIs(cut, 'True');
    await poll('the cloud has its pod ready', async () => (await inCloud('on-cut'))[0] || undefined, {
      timeoutMs: 60_000,
    });
    const back = await podOf('on-cut');
    expect(back.metadata.uid).toBe(before.metadata.uid);
    expect(back.metadata.deletionTimestamp).toBeUndefined();
    expect(back.status.containerStatuses[0]?.restartCount).toBe(0);
    expect(await pods('on-cut')).toHaveLength(1);
  });
});
