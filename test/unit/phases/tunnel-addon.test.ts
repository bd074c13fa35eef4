import { describe, expect, it } from 'vitest';
import { tunnelAddon } from '../../../phases/addons/tunnel.ts';
import { portsOf } from '../../../phases/checks/ports.ts';
import { openFirewall } from '../../../phases/node/firewall.ts';
import { kubeVipManifest } from '../../../phases/node/kube-vip.ts';
import type { InitSettings, KubeDocument } from '../../../src/config/types.ts';
import { manifestNames } from '../../../src/kube/manifests.ts';
import type { KubeClient } from '../../../src/kube/types.ts';
import { FakeHost } from '../../fakes/host.ts';
import { initSettings, joinSettings } from '../checks/support.ts';
import { controlPlane, initContext, off, run } from './tunnel-support.ts';

describe('the addon tunnel', () => {
  async function applied(host: FakeHost, change: Partial<InitSettings> = {}) {
    const objects: KubeDocument[] = [];
    const requests: [string, string, unknown][] = [];
    const waited: string[] = [];
    const kube = {
      apply: async (given: readonly KubeDocument[]) => Boolean(objects.push(...given)),
      get: async () => undefined,
      request: async (method: string, path: string, body: unknown) => {
        requests.push([method, path, body]);
      },
      waitRollout: async (refs: readonly { name: string }[]) => {
        waited.push(...refs.map(({ name }) => name));
      },
    };
    const ctx = { ...initContext(host, change), kube: async () => kube as unknown as KubeClient };
    await tunnelAddon.run!(ctx, run);
    const spec = (name: string) => {
      const found = objects.find(
        ({ kind, metadata }) => kind === 'DaemonSet' && (metadata as { name: string }).name === name,
      );
      type Spec = {
        nodeSelector: Record<string, string>;
        containers: { image: string; args: string[]; env: { name: string; value?: string }[] }[];
      };
      return (found!.spec as { template: { spec: Spec } }).template.spec;
    };
    return { objects, requests, waited, spec };
  }

  it("sends agents to the control plane's endpoint, each under its node's name", async () => {
    const { spec, waited } = await applied(controlPlane());
    const { nodeSelector, containers } = spec('konnectivity-agent-edge');
    expect(nodeSelector).toMatchObject({ 'superedge.io/node-edge': 'enable' });
    const [agent] = containers;
    expect(agent!.args).toEqual(
      expect.arrayContaining([
        '--proxy-server-host=192.168.7.100',
        '--proxy-server-port=8132',
        '--agent-id=$(NODE_NAME)',
        '--agent-identifiers=host=$(NODE_NAME)&host=$(HOST_IP)',
      ]),
    );
    expect(agent!.env).toContainEqual({ name: 'KUBERNETES_SERVICE_HOST', value: '192.168.7.100' });
    expect(agent!.env).toContainEqual({ name: 'KUBERNETES_SERVICE_PORT', value: '6443' });
    expect(waited).toEqual(['konnectivity-agent-cloud', 'konnectivity-agent-edge']);
  });

  it('has agents of control-plane nodes, and only these, serve what has no agent', async () => {
    const { spec } = await applied(controlPlane());
    const serves = (name: string) =>
      spec(name).containers[0]!.args.some((arg) => arg.includes('default-route=true'));
    expect(serves('konnectivity-agent-cloud')).toBe(true);
    expect(serves('konnectivity-agent-edge')).toBe(false);
    expect(spec('konnectivity-agent-cloud').nodeSelector).toHaveProperty(
      'node-role.kubernetes.io/control-plane',
    );
  });

  it.each(['', '/mine.yaml'])(
    'installs no agents beside an API server with the selector "%s"',
    async (egress) => {
      expect((await applied(controlPlane({ egress }))).objects).toEqual([]);
    },
  );

  it('gives neither side more rights than it uses', async () => {
    const { objects } = await applied(controlPlane());
    const rules = objects.flatMap(({ kind, rules: list }) =>
      kind === 'Role' || kind === 'ClusterRole'
        ? [
            [
              kind,
              ...(list as { resources: string[]; verbs: string[] }[]).flatMap(({ resources, verbs }) => [
                ...resources,
                ...verbs,
              ]),
            ],
          ]
        : [],
    );
    expect(rules).toEqual([
      ['ClusterRole', 'tokenreviews', 'create'],
      ['Role', 'leases', 'get', 'list', 'create', 'update', 'delete'],
      ['Role', 'leases', 'get', 'list', 'watch'],
    ]);
  });

  it('spreads agents over the servers behind a virtual IP', async () => {
    const host = controlPlane({ [kubeVipManifest]: 'kind: Pod\n' });
    const { objects, requests } = await applied(host);
    expect(objects.at(-1)).toMatchObject({ kind: 'Service', spec: { type: 'LoadBalancer' } });
    expect(requests).toEqual([
      [
        'PATCH',
        '/api/v1/namespaces/kube-system/services/konnectivity-server/status',
        {
          status: {
            loadBalancer: {
              ingress: [{ ip: '192.168.7.100', ipMode: 'VIP', ports: [{ port: 8132, protocol: 'TCP' }] }],
            },
          },
        },
      ],
    ]);
  });

  it("does not with kube-proxy's mode ipvs, which would take the virtual IP away", async () => {
    const host = controlPlane({ [kubeVipManifest]: 'kind: Pod\n' });
    const proxy = {
      apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
      kind: 'KubeProxyConfiguration',
      mode: 'ipvs',
    };
    const { objects, requests } = await applied(host, { documents: [...initSettings().documents, proxy] });
    expect(objects.filter(({ kind }) => kind === 'Service')).toEqual([]);
    expect(requests).toEqual([]);
    expect(host.events).toContainEqual(expect.objectContaining({ type: 'warning' }));
  });

  it("names images after the cluster's repository", async () => {
    const { spec } = await applied(controlPlane(), { imageRepository: 'mirror.example/k8s' });
    expect(spec('konnectivity-agent-edge').containers[0]!.image).toMatch(
      /^mirror\.example\/k8s\/kas-network-proxy\/proxy-agent:v/,
    );
  });

  it('has manifests that users can replace', async () => {
    const names = (await manifestNames()).filter((name) => name.startsWith('addons/tunnel/'));
    expect(names.map((name) => name.split('/').at(-1))).toEqual([
      'control-plane-service',
      'egress-selector',
      'konnectivity-agent',
      'konnectivity-server',
    ]);
  });
});

describe('ports of the tunnel', () => {
  it('are looked at before, on the nodes that use them', () => {
    const programs = (settings: Parameters<typeof portsOf>[0]) =>
      [...portsOf(settings)].filter(([, program]) => program.startsWith('proxy-')).map(([port]) => port);
    expect(programs(initSettings())).toEqual([8132, 8133, 8134, 8093, 8094]);
    expect(programs(joinSettings())).toEqual([8093, 8094]);
    expect(programs(initSettings({ edge: off }))).toEqual([]);
  });

  it('are opened in the firewall of control-plane nodes: one', async () => {
    const opened = async (change: Partial<InitSettings>) => {
      const host = new FakeHost().reply('systemctl is-active firewalld.service', { stdout: 'active\n' });
      host.reply(/--query-port/, { exitCode: 1 });
      await openFirewall(initContext(host, change));
      return host.lines.filter((line) => /--add-port=8/.test(line) && !line.includes('--permanent'));
    };
    expect(await opened({})).toEqual([
      'firewall-cmd --add-port=8132/tcp',
      'firewall-cmd --add-port=8472/udp',
    ]);
    expect(await opened({ edge: off })).toEqual(['firewall-cmd --add-port=8472/udp']);
  });
});
