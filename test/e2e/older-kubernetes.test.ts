import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { globalFlags } from '../../src/config/flags/common.ts';
import { compareFlags } from '../../src/config/flags/compare.ts';
import { initFlags } from '../../src/config/flags/init.ts';
import { joinFlags } from '../../src/config/flags/join.ts';
import { resetFlags } from '../../src/config/flags/reset.ts';
import { paths } from '../../src/host/paths.ts';
import type { EdgeadmOutcome } from '../../src/playground/edgeadm.ts';
import { virtualAddress } from '../../src/playground/subnet.ts';
import {
  initArguments,
  joinArguments,
  joinFacts,
  shellImage,
  shellPod,
  waitForReady,
} from './support/cluster.ts';
import { createTestPlayground, type TestPlayground } from './support/playground.ts';

const version = 'v1.34.4';

/** With a virtual IP, since kubeadm before 1.36 reaches its own API server by the control-plane endpoint. */
describe(`Kubernetes ${version}, the oldest in the catalogue`, () => {
  let playground: TestPlayground;
  let endpoint: string;
  let initialised: EdgeadmOutcome;
  let joined: EdgeadmOutcome;

  beforeAll(async () => {
    playground = await createTestPlayground({ edges: 1, kubernetesVersion: version });
    endpoint = `${virtualAddress(playground.subnet)}:6443`;
    const cluster = {
      apiVersion: 'kubeadm.k8s.io/v1beta4',
      kind: 'ClusterConfiguration',
      controlPlaneEndpoint: endpoint,
    };
    initialised = await playground.controlPlane.edgeadm(await initArguments(playground, { more: [cluster] }));
    joined = await playground.node('edge-1').edgeadm(joinArguments(playground, initialised));
  });
  afterAll(() => playground?.delete());

  test('a control plane and an edge node become Ready, which meet at the virtual IP', async () => {
    expect(joinFacts(initialised)).toMatchObject({ endpoint });
    expect(joined.result, joined.output.join('\n')).toMatchObject({ ok: true, data: { role: 'edge' } });
    await waitForReady(playground, 2);
    const { items } = await playground.kubectlJson<{
      items: { status: { nodeInfo: { kubeletVersion: string } } }[];
    }>(['get', 'nodes']);
    expect(items.map(({ status }) => status.nodeInfo.kubeletVersion)).toEqual([version, version]);
    const { stdout } = await playground.controlPlane.run(['readlink', '/etc/kubernetes/kube-vip.conf']);
    expect(stdout.trim()).toBe(paths.adminConf);
  });

  test('DNS answers in a Pod on the edge node, and its logs and exec work', async () => {
    const edge = playground.node('edge-1');
    const image = await shellImage(playground.kubectl);
    const command = ['busybox', 'sh', '-c', 'echo started; exec busybox sleep 3600'];
    const pod = shellPod('client', edge, image, command);
    await playground.kubectl(['apply', '-f', '-'], { input: JSON.stringify(pod) });
    await playground.kubectl(['wait', '--for=condition=Ready', 'pod/client', '--timeout=120s']);
    const name = 'kubernetes.default.svc.cluster.local';
    const { stdout } = await playground.kubectl(['exec', 'client', '--', 'busybox', 'nslookup', name]);
    expect(stdout).toMatch(/cluster\.local\s+Address(?: 1)?: 10\.96\.0\.1\b/);
    expect((await playground.kubectl(['logs', 'client'])).stdout).toBe('started\n');
  });

  test.each([
    ['init', initFlags],
    ['join', joinFlags],
    ['reset', resetFlags],
  ])("edgeadm %s takes all of this kubeadm's flags", async (command, table) => {
    const help = await playground.controlPlane.run(['kubeadm', command, '--help']);
    const { missing, changed } = compareFlags(help.stdout, [...table, ...globalFlags]);
    expect(missing).toEqual([]);
    expect(changed).toEqual([]);
  });
});
