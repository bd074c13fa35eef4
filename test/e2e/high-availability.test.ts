import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { paths } from '../../src/host/paths.ts';
import { waitBooted } from '../../src/playground/boot.ts';
import { configFile } from '../../src/playground/create/context.ts';
import type { EdgeadmOutcome } from '../../src/playground/edgeadm.ts';
import { podmanProvider } from '../../src/playground/podman.ts';
import { virtualAddress } from '../../src/playground/subnet.ts';
import { shellImage } from './support/cluster.ts';
import {
  etcdMembers,
  holders,
  outsideClient,
  poll,
  powerOff,
  waitForMembers,
} from './support/control-plane.ts';
import { createTestPlayground, type TestNode, type TestPlayground } from './support/playground.ts';
import { backends, nodeAnswers } from './support/tunnel.ts';

/** kube-vip's lease lasts 5 s; this is far more than a busy machine makes of it. */
const failoverTimeoutMs = 60_000;
const seconds = (since: number) => ((performance.now() - since) / 1000).toFixed(1);

/** Where the time of a run went, for the log. */
function timesOf({ result }: EdgeadmOutcome): string {
  const phases = (result?.data?.phases ?? []) as { name: string; seconds: number }[];
  return phases.map((phase) => `${phase.name} ${phase.seconds.toFixed(1)} s`).join(', ');
}

describe('three control-plane nodes behind a virtual IP', () => {
  let playground: TestPlayground;
  let vip: string;
  /** Nodes that run. */
  let alive: TestNode[];
  const kubectl = (args: readonly string[], options = {}) =>
    alive[0]!.run(['kubectl', '--kubeconfig', paths.adminConf, ...args], options);

  beforeAll(async () => {
    playground = await createTestPlayground({ controlPlanes: 3, edges: 0, bare: false });
    alive = [...playground.nodes];
    vip = virtualAddress(playground.subnet);
  });
  afterAll(() => playground?.delete());

  test('one of them has the address, any could have it, and etcd has three members', async () => {
    expect(await holders(playground, alive)).toHaveLength(1);
    for (const node of alive) {
      const { stdout } = await node.run(['readlink', '/etc/kubernetes/kube-vip.conf']);
      expect(stdout.trim(), node.name).toBe(paths.adminConf);
    }
    await kubectl(['wait', '--for=condition=Ready', 'nodes', '--all', '--timeout=60s']);
    const pods = alive.map(({ name }) => `pod/kube-vip-${name}`);
    await kubectl(['-n', 'kube-system', 'wait', '--for=condition=Ready', ...pods, '--timeout=60s']);
    await waitForMembers(alive[0]!, alive);
  });

  /** Each API server reaches each node, and the server beside it has the agent of each of these nodes. */
  async function waitForTunnel(nodes: readonly TestNode[]): Promise<void> {
    const limit = { timeoutMs: 90_000 };
    for (const server of nodes) {
      const known = async () => ((await backends(server)).defaultRoute === nodes.length ? true : undefined);
      await poll(`the agents of ${nodes.length} nodes at ${server.name}`, known, limit);
      for (const node of nodes) {
        await poll(`${node.name} from ${server.name}`, () => nodeAnswers(server, node), limit);
      }
    }
  }

  test('the tunnel goes from each API server to each node', async () => {
    const started = performance.now();
    await waitForTunnel(alive);
    console.log(`each of three servers had all agents after ${seconds(started)} s`);
  });

  test('the phases of kube-vip and of the tunnel change nothing when they run again', async () => {
    const second = playground.node('control-plane-2');
    for (const [node, ...phase] of [
      [playground.controlPlane, 'init', 'phase', 'kube-vip', '--config', configFile],
      [playground.controlPlane, 'init', 'phase', 'kube-vip-finalize', '--config', configFile],
      [second, 'join', 'phase', 'kube-vip', '--control-plane'],
      [playground.controlPlane, 'init', 'phase', 'tunnel-server', '--config', configFile],
      [second, 'join', 'phase', 'tunnel-server', '--control-plane'],
    ] as const) {
      const { result, output } = await node.edgeadm(phase);
      expect(result, output.join('\n')).toMatchObject({ ok: true, data: { phases: [{ changed: false }] } });
    }
  });

  test('when the node that has the address loses power, another takes over', async () => {
    const [lost] = await holders(playground, alive);
    const client = await outsideClient(lost!);
    const path = '/api/v1/namespaces/default/configmaps/written?fieldManager=test';
    const write = () =>
      client.send('PATCH', path, {
        contentType: 'application/apply-patch+yaml',
        body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'written' }, data: { by: 'test' } },
      });
    await write();
    const limit = { timeoutMs: failoverTimeoutMs, everyMs: 100 };
    const off = performance.now();
    await powerOff(lost!);
    alive = alive.filter((node) => node !== lost);
    const after = () => seconds(off);
    const read = () => client.send('GET', '/readyz');
    const [answered, written] = await Promise.all([
      poll('the API behind the virtual IP', () => read().then(after), limit),
      poll('a write through the virtual IP', () => write().then(after), limit),
    ]);
    console.log(
      `fail-over: the API at ${vip} answered after ${answered} s and took a write after ${written} s`,
    );
    expect(await holders(playground, alive)).toHaveLength(1);
  });

  test('each API server that is left reaches each node that is left', async () => {
    const started = performance.now();
    // Connections that led through the lost node are noticed by pings, within 50 s; others have gone on all the time.
    await waitForTunnel(alive);
    console.log(`fail-over: all ways of the tunnel were good again ${seconds(started)} s later`);
  });

  test('a new Deployment runs on the nodes that are left', async () => {
    const started = performance.now();
    const [lost] = playground.nodes.filter((node) => !alive.includes(node));
    await kubectl(['apply', '-f', '-'], { input: JSON.stringify(await deployment(lost!)) });
    await kubectl(['rollout', 'status', 'deployment/after', '--timeout=120s'], { timeoutMs: 150_000 });
    console.log(`fail-over: a new Deployment was available after ${seconds(started)} s`);
    const { stdout } = await kubectl([
      'get',
      'pods',
      '-l',
      'app=after',
      '-o',
      'jsonpath={.items[*].spec.nodeName}',
    ]);
    expect(stdout.split(' ').sort()).toEqual(alive.map(({ name }) => name).sort());
  });

  /** One Pod on each node but the lost one, which the scheduler does not know to be lost for most of a minute. */
  async function deployment(lost: TestNode): Promise<object> {
    const image = await shellImage(kubectl);
    const host = 'kubernetes.io/hostname';
    const selector = { matchLabels: { app: 'after' } };
    const elsewhere = [{ matchExpressions: [{ key: host, operator: 'NotIn', values: [lost.name] }] }];
    return {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'after', namespace: 'default' },
      spec: {
        replicas: 2,
        selector,
        template: {
          metadata: { labels: { app: 'after' } },
          spec: {
            terminationGracePeriodSeconds: 0,
            tolerations: [{ key: 'node-role.kubernetes.io/control-plane', operator: 'Exists' }],
            affinity: {
              nodeAffinity: {
                requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: elsewhere },
              },
              podAntiAffinity: {
                requiredDuringSchedulingIgnoredDuringExecution: [
                  { labelSelector: selector, topologyKey: host },
                ],
              },
            },
            containers: [
              { name: 'main', image, imagePullPolicy: 'Never', command: ['busybox', 'sleep', '3600'] },
            ],
          },
        },
      },
    };
  }

  test('the lost node comes back into etcd', async () => {
    const started = performance.now();
    const [lost] = playground.nodes.filter((node) => !alive.includes(node));
    const provider = podmanProvider(() => {});
    await provider.startNode(lost!.name);
    await waitBooted(provider, lost!.name, { signal: AbortSignal.timeout(120_000), allowDegraded: true });
    await waitForMembers(alive[0]!, playground.nodes);
    console.log(`etcd had three healthy members ${seconds(started)} s after the power was back`);
    alive = [...playground.nodes];
    expect(await holders(playground, alive)).toHaveLength(1);
    await kubectl(['wait', '--for=condition=Ready', 'nodes', '--all', '--timeout=120s'], {
      timeoutMs: 150_000,
    });
  });

  test('reset of the node that has the address gives up the address and the etcd member', async () => {
    const [holder] = await holders(playground, alive);
    const reset = await holder!.edgeadm(['reset', '--force']);
    expect(reset.result, reset.output.join('\n')).toMatchObject({ ok: true, data: { warnings: [] } });
    console.log(`reset: ${timesOf(reset)}`);
    const left = ['/etc/kubernetes', '/var/lib/etcd', '/var/lib/edgeadm'];
    expect((await holder!.sh(`ls -d ${left.join(' ')} 2>/dev/null || true`)).stdout).toBe('');
    alive = alive.filter((node) => node !== holder);
    const client = await outsideClient(alive[0]!);
    await poll('the API behind the virtual IP', () => client.send('GET', '/readyz'), {
      timeoutMs: failoverTimeoutMs,
    });
    expect(await holders(playground, playground.nodes)).toHaveLength(1);
    expect(await holders(playground, alive)).toHaveLength(1);
    await waitForMembers(alive[0]!, alive);
    expect(await etcdMembers(alive[0]!)).toHaveLength(2);
    await kubectl(['delete', 'node', holder!.name]);
  });

  test('it joins again by flags, whose secrets other users of the node do not see', async () => {
    const node = playground.nodes.find((each) => !alive.includes(each))!;
    const uploaded = await alive[0]!.edgeadm(['init', 'phase', 'upload-certs', '--upload-certs']);
    const key = uploaded.result?.data?.certificateKey as string;
    expect(key).toMatch(/^[0-9a-f]{64}$/);
    const { stdout } = await alive[0]!.run(['edgeadm', 'token', 'create', '--print-join-command']);
    const words = stdout.trim().split(/\s+/).slice(1);
    expect(words.slice(0, 2)).toEqual(['join', `${vip}:6443`]);
    const token = words[words.indexOf('--token') + 1]!;
    await node.write('/run/secrets.txt', `${key}\n${token}\n`, 0o600);
    const look = async (...words: string[]) => {
      const script = 'grep -lsaFf /run/secrets.txt /proc/[0-9]*/cmdline || true';
      return (await node.run(['sh', '-c', script, 'sh', ...words])).stdout;
    };
    expect(await look(key)).not.toBe('');
    const sightings: Promise<string>[] = [];
    const joined = await node.edgeadm(
      [
        ...words,
        '--control-plane',
        '--certificate-key',
        key,
        '--apiserver-advertise-address',
        node.address,
        '--install-pkg-path',
        playground.packagePath,
      ],
      {
        onEvent(event) {
          if (event.type === 'progress' && event.phase === 'kubeadm') sightings.push(look());
        },
      },
    );
    expect(joined.result, joined.output.join('\n')).toMatchObject({
      ok: true,
      data: { role: 'control-plane' },
    });
    console.log(`join: ${timesOf(joined)}`);
    expect(sightings.length).toBeGreaterThan(5);
    expect(new Set(await Promise.all(sightings))).toEqual(new Set(['']));
    alive = [...playground.nodes];
    await waitForMembers(alive[0]!, alive);
    await waitForTunnel(alive);
  });
});
