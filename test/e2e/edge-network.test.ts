import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitForReady } from './support/cluster.ts';
import { poll } from './support/control-plane.ts';
import { fetchFrom, podsRunning, resolveFrom } from './support/edge-network.ts';
import { createTestPlayground, type TestNode, type TestPlayground } from './support/playground.ts';

const namespace = 'shop';
const dnsServer = '169.254.20.11';
const hostPort = 18080;
const nodePort = 30080;

/** CoreDNS stands for any server, since every node has its image: it says OK at /health. */
function workloads(image: string): object[] {
  const template = (app: string, ports: object[] = []) => ({
    metadata: { labels: { app } },
    spec: {
      nodeSelector: { 'superedge.io/node-edge': 'enable' },
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: 'server',
          image,
          imagePullPolicy: 'IfNotPresent',
          args: ['-conf', '/server/Corefile'],
          ports,
          readinessProbe: { httpGet: { path: '/health', port: 8080 }, periodSeconds: 1 },
          volumeMounts: [{ name: 'server', mountPath: '/server' }],
        },
      ],
      volumes: [{ name: 'server', configMap: { name: 'server' } }],
    },
  });
  const selector = (app: string) => ({ matchLabels: { app } });
  const apps = 'apps/v1';
  const ports = [{ port: 80, targetPort: 8080 }];
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'server', namespace },
      data: { Corefile: '.:5353 {\n  whoami\n  health :8080\n}\n' },
    },
    {
      apiVersion: apps,
      kind: 'Deployment',
      metadata: { name: 'web', namespace },
      spec: { replicas: 3, selector: selector('web'), template: template('web') },
    },
    {
      apiVersion: apps,
      kind: 'StatefulSet',
      metadata: { name: 'db', namespace },
      spec: {
        replicas: 2,
        podManagementPolicy: 'Parallel',
        serviceName: 'db',
        selector: selector('db'),
        template: template('db'),
      },
    },
    {
      apiVersion: apps,
      kind: 'DaemonSet',
      metadata: { name: 'port', namespace },
      spec: {
        selector: selector('port'),
        template: template('port', [{ containerPort: 8080, hostPort }]),
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace },
      spec: { type: 'NodePort', selector: { app: 'web' }, ports: [{ ...ports[0], nodePort }] },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'db', namespace },
      spec: { clusterIP: 'None', selector: { app: 'db' }, ports },
    },
  ];
}

interface Pod {
  metadata: { name: string; namespace: string; labels?: Record<string, string> };
  spec: { nodeName?: string };
  status: { podIP?: string; containerStatuses?: { restartCount: number; ready: boolean }[] };
}

describe('the network of an edge node', () => {
  let playground: TestPlayground;
  let edge: TestNode;
  let service: string;

  const pods = async (...args: string[]): Promise<Pod[]> =>
    (await playground.kubectlJson<{ items: Pod[] }>(['get', 'pods', ...args])).items;
  /** Of the pods of the test, as the node itself sees them. */
  const addresses = async (): Promise<Record<string, string>> => {
    const running = await podsRunning(edge, 'coredns');
    const own = Object.entries(running).filter(([name]) => /^(web|db|port)-/.test(name));
    return Object.fromEntries(own.map(([name, { address }]) => [name, address]));
  };
  /** What does not work, of all that must also work while the node is offline. */
  const broken = async (): Promise<string[]> => {
    const running = await podsRunning(edge, 'coredns');
    const pid = Object.entries(running).find(([name]) => name.startsWith('db-'))?.[1].pid;
    if (!pid) return ['no pod runs'];
    const urls = {
      'ClusterIP from the node': [`http://${service}/health`],
      'ClusterIP from a pod': [`http://${service}/health`, pid],
      NodePort: [`http://${edge.address}:${nodePort}/health`],
      'NodePort from a pod': [`http://${edge.address}:${nodePort}/health`, pid],
      hostPort: [`http://${edge.address}:${hostPort}/health`],
    } as const;
    const found: string[] = [];
    for (const [what, [url, from]] of Object.entries(urls)) {
      // Several times, as each of the endpoints must answer.
      for (let n = 0; n < 6; n++) {
        const answer = await fetchFrom(edge, url, from);
        if (answer === 'OK') continue;
        found.push(`${what}: ${answer}`);
        break;
      }
    }
    const names = await Promise.all([
      resolveFrom(edge, dnsServer, `web.${namespace}.svc.cluster.local`, pid),
      resolveFrom(edge, dnsServer, 'kubernetes.default.svc.cluster.local', pid),
      resolveFrom(edge, dnsServer, `db-0.db.${namespace}.svc.cluster.local`),
    ]);
    const expected = [[service], ['10.96.0.1'], [running['db-0']?.address]];
    if (JSON.stringify(names) !== JSON.stringify(expected)) found.push(`DNS: ${JSON.stringify(names)}`);
    return found;
  };

  beforeAll(async () => {
    playground = await createTestPlayground({ edges: 1, bare: false });
    edge = playground.node('edge-1');
    const image = await playground.kubectl([
      'get',
      'deployment',
      '--namespace=kube-system',
      'coredns',
      '-o',
      'jsonpath={.spec.template.spec.containers[0].image}',
    ]);
    await playground.kubectl(['apply', '-f', '-'], {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: workloads(image.stdout) }),
    });
    for (const workload of ['deploy/web', 'sts/db', 'ds/port']) {
      await playground.kubectl(['rollout', 'status', '-n', namespace, workload, '--timeout=120s']);
    }
    const found = await playground.kubectlJson<{ spec: { clusterIP: string } }>([
      'get',
      'service',
      '-n',
      namespace,
      'web',
    ]);
    service = found.spec.clusterIP;
  });
  afterAll(() => playground?.delete());

  test('is made by DaemonSets of its own, and that of cloud nodes by the standard ones', async () => {
    // The rule that keeps it off edge nodes replaces its Pods.
    await playground.kubectl(['rollout', 'status', '-n', 'kube-system', 'ds/kube-proxy', '--timeout=60s']);
    const all = (await pods('-A')).filter((pod) => /^kube-(system|flannel)$/.test(pod.metadata.namespace));
    const names = (node: TestNode) =>
      all
        .filter((pod) => pod.spec.nodeName === node.hostname)
        .map(({ metadata: { name, labels } }) =>
          name.replace(/-[a-z0-9]{5}$/, '').replace(`-${labels?.['pod-template-hash']}`, ''),
        )
        .filter((name) => /flannel|proxy|coredns/.test(name));
    expect(names(edge).sort()).toEqual(['coredns-edge', 'kube-flannel-edge', 'kube-proxy-edge']);
    expect(new Set(names(playground.controlPlane))).toEqual(
      new Set(['coredns', 'kube-flannel-ds', 'kube-proxy']),
    );
    expect(await playground.controlPlane.read('/etc/cni/net.d/10-flannel.conflist')).not.toContain(
      'edgeadm-ipam',
    );
  });

  test('has Services, ports of the host, and a DNS of its own that pods are told of', async () => {
    expect(await broken()).toEqual([]);
    const exec = ['exec', '-n', 'kube-flannel', 'ds/kube-flannel-edge', '--'];
    const { stdout } = await playground.kubectl([...exec, 'cat', '/etc/resolv.conf']);
    expect(stdout).not.toContain(dnsServer);
    const { pid } = Object.values(await podsRunning(edge, 'coredns')).find(
      ({ address }) => address !== edge.address,
    )!;
    expect(await edge.read(`/proc/${pid}/root/etc/resolv.conf`)).toMatch(
      new RegExp(`^nameserver ${dnsServer.replaceAll('.', '\\.')}$`, 'm'),
    );
  });

  test('comes up without a default route', async () => {
    const route = (await edge.run(['ip', 'route', 'show', 'default'])).stdout.trim();
    if (route) await edge.sh(`ip route del ${route}`);
    const flannel = ['-n', 'kube-flannel', '-l', 'app=flannel-edge'];
    await playground.kubectl(['delete', 'pod', ...flannel]);
    await playground.kubectl(['wait', 'pod', ...flannel, '--for=condition=Ready', '--timeout=60s']);
    const [pod] = await pods(...flannel);
    expect(pod?.status.containerStatuses?.[0]?.restartCount).toBe(0);
    expect(await broken()).toEqual([]);
    if (route) await edge.sh(`ip route add ${route}`);
  });

  test('is the same after the power failed while the node was offline', async () => {
    const before = await addresses();
    expect(Object.keys(before)).toHaveLength(6);
    await edge.disconnect();
    for (const cut of ['first', 'second']) {
      await edge.reboot({ powerCut: true });
      await poll(
        `every pod and what it serves after the ${cut} power cut`,
        async () => {
          const now = await addresses();
          if (Object.keys(now).length < 6) throw new Error(`runs: ${Object.keys(now).join(', ')}`);
          expect(now).toEqual(before);
          const faults = await broken();
          if (faults.length > 0) throw new Error(faults.join('\n'));
          return true;
        },
        { timeoutMs: 90_000 },
      );
      // For whoever reads the log: never asserted, as machines differ.
      const booted = (await edge.run(['stat', '-c', '%Y', '/proc/1'])).stdout;
      console.log(`${cut} power cut: all of it within ${Math.round(Date.now() / 1000 - Number(booted))} s`);
      // Pods and their Services need neither to be back.
      for (const program of ['flanneld', 'kube-proxy'])
        await poll(program, () => edge.run(['pidof', program]), { timeoutMs: 60_000 });
      // Nothing answers for names of the outside, and that at once.
      expect(await resolveFrom(edge, dnsServer, 'example.org')).toMatch(/^(ESERVFAIL|ETIMEOUT)$/);
    }
    await edge.connect();
    await waitForReady(playground, 2);
    await poll(
      // A kubelet that is back tells first what it saw last, which may be of a Pod that was just being started.
      'the cloud to know the addresses',
      async () => {
        const after = await pods('-n', namespace);
        expect(
          Object.fromEntries(after.map(({ metadata, status }) => [metadata.name, status.podIP])),
        ).toEqual(before);
        return true;
      },
      { timeoutMs: 30_000 },
    );
    await poll('everything with the cloud back', async () => (await broken()).length === 0 || undefined, {
      timeoutMs: 30_000,
    });
  });

  test('leaves nothing behind', async () => {
    const outcome = await edge.edgeadm(['reset', '--force']);
    expect(outcome.result, outcome.output.join('\n')).toMatchObject({ ok: true });
    const { stdout } = await edge.sh(
      'ls -d /var/lib/cni /etc/cni/net.d/* /run/flannel 2>/dev/null; ip -o link',
      {
        allowFailure: true,
      },
    );
    expect(stdout).not.toMatch(/cni|flannel|edgeadm/);
  });
});
