import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OfflineVerdict } from '../../phases/offline/index.ts';
import type { LiteApiserverStatus } from '../../src/edge/lite-apiserver/status.ts';
import { shellImage, waitForReady } from './support/cluster.ts';
import { poll } from './support/control-plane.ts';
import { askLocalApi, tokenOf } from './support/local-api.ts';
import { createTestPlayground, type TestNode, type TestPlayground } from './support/playground.ts';

const namespace = 'shop';
/** Where the Pod writes a line each time it starts, on the node's own disk. */
const starts = '/var/lib/offline-test/starts';

const workload = (image: string): object[] => [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'prices', namespace }, data: { tea: '3' } },
  { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'till', namespace }, stringData: { pin: '4711' } },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name: 'reader', namespace },
    rules: [{ apiGroups: [''], resources: ['pods', 'configmaps'], verbs: ['get', 'list', 'watch'] }],
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: 'reader', namespace },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' },
    subjects: [{ kind: 'ServiceAccount', name: 'default', namespace }],
  },
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'counter', namespace },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: 'counter' } },
      template: {
        metadata: { labels: { app: 'counter' } },
        spec: {
          nodeSelector: { 'superedge.io/node-edge': 'enable' },
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              name: 'counter',
              image,
              imagePullPolicy: 'IfNotPresent',
              command: ['busybox', 'sh', '-c'],
              args: [
                'busybox cat /prices/tea /till/pin /var/run/secrets/kubernetes.io/serviceaccount/token > /dev/null && echo started >> /data/starts && exec busybox sleep 100000',
              ],
              volumeMounts: [
                { name: 'prices', mountPath: '/prices' },
                { name: 'till', mountPath: '/till' },
                { name: 'data', mountPath: '/data' },
              ],
            },
          ],
          volumes: [
            { name: 'prices', configMap: { name: 'prices' } },
            { name: 'till', secret: { secretName: 'till' } },
            { name: 'data', hostPath: { path: '/var/lib/offline-test', type: 'DirectoryOrCreate' } },
          ],
        },
      },
    },
  },
];

interface Pod {
  metadata: { name: string; uid: string };
  status: { containerStatuses?: { restartCount: number; ready: boolean }[] };
}

describe('an edge node without the cloud', () => {
  let playground: TestPlayground;
  let edge: TestNode;
  let pod: Pod;
  let token: string;

  const status = async (): Promise<LiteApiserverStatus> => {
    const outcome = await edge.edgeadm(['status']);
    expect(outcome.result, outcome.output.join('\n')).toMatchObject({ ok: true });
    return outcome.result!.data as unknown as LiteApiserverStatus;
  };
  const readPod = async (): Promise<Pod> => {
    const { items } = await playground.kubectlJson<{ items: Pod[] }>(['get', 'pods', '-n', namespace]);
    expect(items).toHaveLength(1);
    return items[0]!;
  };
  const startCount = async (): Promise<number> =>
    (await edge.read(starts)).split('\n').filter(Boolean).length;
  const whenStatus = (online: boolean, timeoutMs: number) =>
    poll(
      online ? 'online' : 'offline',
      async () => {
        const now = await status();
        return now.online === online ? now : undefined;
      },
      { timeoutMs },
    );

  beforeAll(async () => {
    playground = await createTestPlayground({ edges: 1, bare: false });
    edge = playground.node('edge-1');
    const image = await shellImage(playground.kubectl);
    await playground.kubectl(['apply', '-f', '-'], {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: workload(image) }),
    });
    await playground.kubectl(['rollout', 'status', '-n', namespace, 'deploy/counter', '--timeout=120s']);
    pod = await readPod();
    token = await tokenOf(edge, pod.metadata.uid);
  });
  afterAll(() => playground?.delete());

  test('has a kubelet that knows only the local proxy', async () => {
    const { online, resources } = await status();
    expect(online).toBe(true);
    const pods = resources.find(
      ({ resource, identity }) => resource === 'pods' && identity.startsWith('node:'),
    );
    expect(pods).toMatchObject({ complete: true, live: true, selector: `spec.nodeName=${edge.hostname}` });
    const { stdout } = await edge.sh('ss -Htnp state established | grep \'"kubelet"\'');
    const peers = stdout.split('\n').filter((line) => /:(6443|51003)\s/.test(`${line} `));
    expect(peers.length).toBeGreaterThan(0);
    for (const peer of peers) expect(peer).toContain('127.0.0.1:51003');
    const { stdout: commandLine } = await edge.sh("tr '\\0' ' ' < /proc/$(pidof kubelet)/cmdline");
    expect(commandLine).not.toContain('bootstrap-kubeconfig');
    expect(
      (await edge.run(['stat', '-c', '%a', '/var/lib/edgeadm/lite-apiserver/pki/serving.pem'])).stdout.trim(),
    ).toBe('600');
  });

  test('lives as long as its first certificate, and the control plane is told so', async () => {
    const verdictOf = async (node: TestNode, ...args: string[]) => {
      const { exitCode, result, output } = await node.edgeadm(['check', 'offline', ...args]);
      const verdict = result?.data as unknown as OfflineVerdict | undefined;
      if (!verdict?.survives) throw new Error(`${output.join('\n')} ${JSON.stringify(result)}`);
      return { exitCode, verdict };
    };
    const { exitCode, verdict } = await poll('its verdict', () => verdictOf(edge), { timeoutMs: 30_000 });
    expect(exitCode).toBe(0);
    expect(verdict.firstToFail?.what).toBe('kubelet client certificate');
    expect([364, 365]).toContain(verdict.days);
    expect(verdict.daysAtWorst).toBe(36);
    expect(verdict.findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    const published = await poll(
      'what it published',
      () => verdictOf(playground.controlPlane, edge.hostname),
      { timeoutMs: 150_000, everyMs: 2000 },
    );
    expect(published.verdict).toMatchObject({ node: edge.hostname, reachable: true, daysAtWorst: 36 });
  });

  test('gives nobody more than the API server does', async () => {
    const path = `/api/v1/namespaces/${namespace}/secrets/till`;
    expect((await askLocalApi(edge, path)).status).toBe(401);
    expect((await askLocalApi(edge, '/edge/status')).status).toBe(401);
    expect((await askLocalApi(edge, path, { token: 'made-up' })).status).toBe(401);
    expect((await askLocalApi(edge, path, { token })).status).toBe(403);
    expect((await askLocalApi(edge, '/api/v1/namespaces/kube-system/secrets', { token })).status).toBe(403);
    expect((await askLocalApi(edge, '/edge/status', { token })).status).toBe(403);
    const asKubelet = {
      token,
      args: [
        '--header',
        `X-Remote-User: system:node:${edge.hostname}`,
        '--header',
        'X-Remote-Group: system:nodes',
      ],
    };
    expect((await askLocalApi(edge, path, asKubelet)).status).toBe(403);
    // From inside the Pod: no file of the node's.
    const cat = ['exec', '-n', namespace, pod.metadata.name, '--', 'busybox', 'cat'] as const;
    for (const file of [
      '/var/lib/kubelet/pki/kubelet-client-current.pem',
      '/var/lib/edgeadm/lite-apiserver/pki/serving.pem',
    ]) {
      const answer = await playground.kubectl([...cat, file], { allowFailure: true });
      expect(answer.exitCode, answer.stdout).not.toBe(0);
      expect(answer.stderr).toMatch(/No such file/);
    }
  });

  test('answers from memory within seconds, and goes on with its watches afterwards', async () => {
    const list = await askLocalApi(edge, `/api/v1/namespaces/${namespace}/configmaps`, { token });
    expect(list.status).toBe(200);
    expect((await askLocalApi(edge, `/api/v1/namespaces/${namespace}/pods`, { token })).status).toBe(200);
    const version = list.json.metadata.resourceVersion as string;
    const watch = `https://169.254.20.11:51003/api/v1/namespaces/${namespace}/configmaps?watch=true&resourceVersion=${version}`;
    await edge.write('/root/header', `Authorization: Bearer ${token}\n`, 0o600);
    await edge.run([
      'systemd-run',
      '--unit=offline-watch',
      '--property=StandardOutput=file:/root/watch.log',
      'curl',
      '-sSN',
      '--cacert',
      '/etc/kubernetes/pki/ca.crt',
      '--header',
      '@/root/header',
      watch,
    ]);
    const before = { pod: await readPod(), starts: await startCount() };

    await edge.disconnect();
    const cut = Date.now();
    const { since, reason } = await whenStatus(false, 15_000);
    expect(reason).not.toBe('');
    // The promise of docs/lite-apiserver.md, by the node's own clock.
    expect(Date.parse(since) - cut).toBeLessThan(5000);

    const pods = await askLocalApi(edge, `/api/v1/namespaces/${namespace}/pods`, { token });
    expect(pods).toMatchObject({ status: 200, headers: { 'x-edge-cache': 'offline' } });
    expect(pods.json.items[0].metadata.uid).toBe(pod.metadata.uid);
    const made = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'new' } };
    const write = await askLocalApi(edge, `/api/v1/namespaces/${namespace}/configmaps`, {
      token,
      method: 'POST',
      body: made,
    });
    expect(write.status).toBe(503);
    expect(Number(write.headers['retry-after'])).toBeGreaterThan(0);
    expect(write.json).toMatchObject({ kind: 'Status', reason: 'ServiceUnavailable' });
    // What the kubelet has read is not the Pod's, and nobody is believed without a proof.
    const secret = await askLocalApi(edge, `/api/v1/namespaces/${namespace}/secrets/till`, { token });
    expect(secret.status).not.toBe(200);
    expect(secret.text).not.toContain('pin');
    expect((await askLocalApi(edge, `/api/v1/namespaces/${namespace}/pods`)).status).toBe(401);
    expect(
      (await askLocalApi(edge, `/api/v1/namespaces/${namespace}/pods`, { token: 'made-up' })).status,
    ).toBe(401);

    await edge.connect();
    await whenStatus(true, 30_000);
    await playground.kubectl(['patch', 'configmap', '-n', namespace, 'prices', '-p', '{"data":{"tea":"4"}}']);
    await poll(
      'the watch to go on',
      async () => /"MODIFIED".*"tea":"4"/.test(await edge.read('/root/watch.log')) || undefined,
      { timeoutMs: 30_000 },
    );
    await edge.run(['systemctl', 'stop', 'offline-watch']);
    const after = { pod: await readPod(), starts: await startCount() };
    expect(after.pod.metadata.uid).toBe(before.pod.metadata.uid);
    expect(after.starts).toBe(before.starts);
  });

  test('starts its Pods again after the power failed while it was offline', async () => {
    const before = { pod: await readPod(), starts: await startCount() };
    await edge.disconnect();
    await whenStatus(false, 15_000);
    await edge.reboot({ powerCut: true });
    await poll('the Pod to start again', async () => (await startCount()) > before.starts || undefined, {
      timeoutMs: 120_000,
    });
    const links = await edge.run(['ip', '-o', 'address', 'show', 'dev', 'edgeadm0']);
    expect(links.stdout).toContain('169.254.20.11/32');
    expect((await status()).online).toBe(false);
    const pods = await askLocalApi(edge, `/api/v1/namespaces/${namespace}/pods`, { token });
    expect(pods).toMatchObject({ status: 200, headers: { 'x-edge-cache': 'offline' } });
    const started = await startCount();

    await edge.connect();
    await whenStatus(true, 60_000);
    await waitForReady(playground, 2);
    // The kubelet has told the cloud of the start that the cloud has not seen.
    const after = await poll(
      'the cloud to know of the restart',
      async () => {
        const now = await readPod();
        const [container] = now.status.containerStatuses ?? [];
        return container?.ready && container.restartCount > 0 ? now : undefined;
      },
      { timeoutMs: 60_000 },
    );
    expect(after.metadata.uid).toBe(before.pod.metadata.uid);
    expect(await startCount()).toBe(started);
  });
});
