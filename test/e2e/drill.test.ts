import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DrillReport } from '../../phases/drill/state.ts';
import { waitForReady } from './support/cluster.ts';
import { poll } from './support/control-plane.ts';
import { createTestPlayground, type TestNode, type TestPlayground } from './support/playground.ts';

const program = join(import.meta.dirname, '../../bin/edgeadm');
const labels = { app: 'web' };

/** CoreDNS without a configuration answers on TCP and UDP: the only image of the package that serves something. */
const workload = (image: string): object[] => [
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          nodeSelector: { 'superedge.io/node-edge': 'enable' },
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              ...{ name: 'main', image, imagePullPolicy: 'IfNotPresent', args: ['-dns.port', '5353'] },
              ports: [{ name: 'web', containerPort: 5353 }],
              readinessProbe: { tcpSocket: { port: 'web' }, periodSeconds: 2 },
            },
          ],
        },
      },
    },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web' },
    spec: { selector: labels, ports: [{ name: 'web', port: 80, targetPort: 'web' }] },
  },
];

describe('a drill', () => {
  let playground: TestPlayground;
  let edge: TestNode;

  const drill = async (...args: string[]): Promise<DrillReport> => {
    const command = ['drill', 'offline', 'edge-1', '--name', playground.name, '--duration', '8s'];
    const { stdout, stderr } = await execa(program, [...command, ...args, '-o', 'json'], { reject: false });
    const result = JSON.parse(stdout.trim().split('\n').at(-1)!) as { data?: unknown };
    expect(result.data, `${stdout}\n${stderr}`).toBeDefined();
    return result.data as DrillReport;
  };
  /** What a drill has on a node while it runs: rules, units, files. */
  const traces = async (): Promise<string> => {
    const { stdout } = await edge.sh(`nft list tables | grep edgeadm_drill || true
      find /run/systemd/system /etc/systemd/system /var/lib/edgeadm/drill -mindepth 1 -name '*drill*' -o -path '*/drill/*' 2>/dev/null || true
      systemctl list-units --all --no-legend --plain 'edgeadm-drill*'`);
    return stdout.trim();
  };
  const outcomes = ({ checks }: DrillReport) =>
    Object.fromEntries(checks.map(({ name, outcome, message }) => [name, [outcome, message]]));

  beforeAll(async () => {
    playground = await createTestPlayground({ edges: 1, bare: false });
    edge = playground.node('edge-1');
    const path = 'jsonpath={.spec.template.spec.containers[0].image}';
    const coredns = ['get', 'deployment', '--namespace=kube-system', 'coredns', '-o', path];
    const { stdout: image } = await playground.kubectl(coredns);
    await playground.kubectl(['apply', '-f', '-'], {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: workload(image) }),
    });
    await playground.kubectl(['rollout', 'status', 'deployment/web', '--timeout=120s']);
    await poll(
      'a node that survives',
      async () => (await edge.edgeadm(['check', 'offline'])).exitCode === 0 || undefined,
      { timeoutMs: 60_000 },
    );
  });
  afterAll(() => playground?.delete());

  test.each<[string, string[]]>([
    ['that stays up', []],
    ['over a power cut', ['--power-cut']],
    ['over a reboot', ['--reboot']],
  ])('passes on a sound node %s', async (_, args) => {
    const report = await drill(...args);
    const seen = outcomes(report);
    expect(report, JSON.stringify(seen)).toMatchObject({ passed: true, problem: '', node: edge.hostname });
    for (const name of ['PodsRun', 'EndpointsMatch', 'ServicesAnswer', 'DnsAnswers', 'NodeReady']) {
      expect(seen[name], name).toEqual(['pass', expect.any(String)]);
    }
    expect(seen.ServicesAnswer![1]).toMatch(/^1 port/);
    expect(await traces()).toBe('/var/lib/edgeadm/drill/report.json');
    const { exitCode, result } = await edge.edgeadm(['drill', 'report']);
    expect({ exitCode, data: result!.data }).toEqual({ exitCode: 0, data: report });
  });

  test('that is killed leaves a node with its link, and nothing else', async () => {
    const begun = await edge.edgeadm(['drill', 'offline', '--detach', '--duration', '4m']);
    expect(begun.exitCode, begun.output.join('\n')).toBe(0);
    const second = await edge.edgeadm(['drill', 'offline']);
    expect(second.result!.error).toMatchObject({ code: 'E_HOST_BUSY' });
    await poll('the cut', async () => (await traces()).includes('inet edgeadm_drill') || undefined, {
      timeoutMs: 60_000,
    });
    await edge.run(['systemctl', 'kill', '--signal=KILL', 'edgeadm-drill.service']);
    await poll(
      'nothing of it',
      async () => (await traces()) === '/var/lib/edgeadm/drill/report.json' || undefined,
      { timeoutMs: 60_000 },
    );
    expect((await edge.edgeadm(['drill', 'report'])).result!.data).toMatchObject({ passed: false });
    await waitForReady(playground, 2);
  });

  test('is refused where it would show nothing, before anything is changed', async () => {
    const { result } = await playground.controlPlane.edgeadm(['drill', 'offline']);
    expect(result!.error).toMatchObject({ code: 'E_EDGE_NODE' });
    const reboot = await edge.edgeadm(['drill', 'offline', '--reboot']);
    expect(reboot.result!.error).toMatchObject({
      code: 'E_PREFLIGHT',
      message: expect.stringContaining('is a container'),
    });
    expect(await traces()).toBe('/var/lib/edgeadm/drill/report.json');
  });
});
