import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { tunnelAddon } from '../../../phases/addons/tunnel.ts';
import { portsOf } from '../../../phases/checks/ports.ts';
import { createInitContext, type InitContext } from '../../../phases/init/context.ts';
import { initPhases } from '../../../phases/init/index.ts';
import { createJoinContext } from '../../../phases/join/context.ts';
import { joinPhases } from '../../../phases/join/index.ts';
import { openFirewall } from '../../../phases/node/firewall.ts';
import { kubeVipManifest } from '../../../phases/node/kube-vip.ts';
import { pairOf, serverCertificatePath, serverConfPath } from '../../../phases/node/tunnel-certificates.ts';
import { tunnelEgressPhase } from '../../../phases/node/tunnel-egress.ts';
import {
  certificatesAnnotation,
  renewTunnelServer,
  tunnelServerManifest,
  tunnelServerPhase,
} from '../../../phases/node/tunnel-server.ts';
import { resolveInit } from '../../../src/config/init.ts';
import { tunnel } from '../../../src/config/tunnel.ts';
import type { InitSettings, KubeDocument } from '../../../src/config/types.ts';
import { parseYaml } from '../../../src/config/yaml.ts';
import { paths } from '../../../src/host/paths.ts';
import { alternativeNames } from '../../../src/kube/issue-certificate.ts';
import { manifestNames } from '../../../src/kube/manifests.ts';
import type { KubeClient } from '../../../src/kube/types.ts';
import type { PhaseRun } from '../../../src/workflow/phase.ts';
import { FakeHost } from '../../fakes/host.ts';
import { createCertificate } from '../../fakes/pki.ts';
import { initSettings, joinSettings } from '../checks/support.ts';

const { signal } = new AbortController();
const run: PhaseRun = { signal, emit() {}, progress() {} };
const machine = { hostname: 'node-1', arch: 'amd64', cgroupVersion: 2, canLowerOomScore: true } as const;
const ten = new Date(Date.now() + 10 * 365 * 86_400_000);
const ca = createCertificate({ commonName: 'kubernetes', ca: true, notAfter: ten });
const apiNames = ['kubernetes', 'node-1', '10.96.0.1', '192.168.7.100', '192.168.7.20'];
const apiServer = createCertificate({ commonName: 'kube-apiserver', names: apiNames, issuer: ca });
const local = 'https://192.168.7.20:6443';

/** A control-plane node as kubeadm leaves it. */
function controlPlane({
  egress = tunnel.egressFile as string,
  ...files
}: Record<string, string> = {}): FakeHost {
  return new FakeHost({
    files: {
      [`${paths.manifests}/kube-apiserver.yaml`]: [
        '    - --client-ca-file=/etc/kubernetes/pki/ca.crt',
        ...(egress ? [`    - --egress-selector-config-file=${egress}`] : []),
        '',
      ].join('\n'),
      [`${paths.pki}/ca.crt`]: ca.cert,
      [`${paths.pki}/ca.key`]: ca.key,
      [`${paths.pki}/apiserver.crt`]: apiServer.cert,
      [`${paths.kubernetes}/controller-manager.conf`]: `clusters:\n- cluster:\n    server: ${local}\n`,
      [paths.adminConf]: 'clusters:\n- cluster:\n    server: https://192.168.7.100:6443\n',
      ...files,
    },
  });
}

function initContext(host: FakeHost, change: Partial<InitSettings> = {}): InitContext {
  return createInitContext(initSettings(change), { host, emit: host.emit, signal, machine });
}

const edge = initSettings().edge;
const off = { ...edge, addons: { tunnel: { enabled: false, settings: {} } } };
const podOf = (host: FakeHost) => {
  const [pod] = parseYaml({ text: host.files[tunnelServerManifest]!, path: 'pod' }) as KubeDocument[];
  const { containers } = pod!.spec as { containers: { args: string[]; image: string }[] };
  const { annotations } = pod!.metadata as { annotations: Record<string, string> };
  return { ...containers[0]!, certificates: annotations[certificatesAnnotation] };
};

describe('what the tunnel needs of the API server', () => {
  const cluster = (settings: InitSettings) =>
    settings.documents.find(({ kind }) => kind === 'ClusterConfiguration')!.apiServer as {
      extraArgs?: { name: string; value: string }[];
      extraVolumes?: { name: string; hostPath: string }[];
    };

  it('is the egress selector, with its file and the folder of the socket', () => {
    const { extraArgs, extraVolumes } = cluster(initSettings());
    expect(extraArgs).toContainEqual({ name: 'egress-selector-config-file', value: tunnel.egressFile });
    expect(extraVolumes?.map(({ hostPath }) => hostPath)).toEqual([tunnel.egressFile, tunnel.socketFolder]);
  });

  it("is that it holds kubelets to certificates of the cluster's CA, where they have such", () => {
    const authority = (text: string) =>
      cluster(resolveInit({ flags: {}, machine, config: { text, path: 'c.yaml' } })).extraArgs!.find(
        ({ name }) => name === 'kubelet-certificate-authority',
      )?.value;
    const kubelet = 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n';
    const own = 'apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\ncertificatesDir: /pki\n';
    expect(authority(kubelet)).toBe('/etc/kubernetes/pki/ca.crt');
    expect(authority(own)).toBe('/pki/ca.crt');
    expect(authority(`${kubelet}serverTLSBootstrap: false\n`)).toBeUndefined();
  });

  it("does not win over the user's", () => {
    const text =
      'apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\napiServer: {extraArgs: [{name: egress-selector-config-file, value: /mine.yaml}]}\n';
    const settings = resolveInit({ flags: {}, machine, config: { text, path: 'c.yaml' } });
    const values = cluster(settings).extraArgs!.filter(({ name }) => name === 'egress-selector-config-file');
    expect(values).toEqual([{ name: 'egress-selector-config-file', value: '/mine.yaml' }]);
  });

  it.each([
    ['without edge', { enabled: false }, '--enable-edge=false'],
    ['with the addon left out', { addons: { tunnel: false } }, 'left out by EdgeConfiguration.addons'],
  ])('is nothing %s', (_, fields, reason) => {
    const text = JSON.stringify({
      apiVersion: 'edgeadm.superedge.io/v1alpha1',
      kind: 'EdgeConfiguration',
      ...fields,
    });
    const settings = resolveInit({ flags: {}, machine, config: { text, path: 'c.yaml' } });
    expect(cluster(settings)).toBeUndefined();
    const ctx = createInitContext(settings, { host: new FakeHost(), emit() {}, signal, machine });
    expect(tunnelEgressPhase.skip!(ctx)).toBe(reason);
    expect(tunnelServerPhase.skip!(ctx)).toBe(reason);
  });
});

describe('the egress selector', () => {
  it('is written before kubeadm, for the socket of the server beside the API server', async () => {
    const host = new FakeHost();
    expect(await tunnelEgressPhase.run!(initContext(host), run)).toBe(true);
    const [document] = parseYaml({ text: host.files[tunnel.egressFile]!, path: 'e' }) as KubeDocument[];
    expect(document).toMatchObject({
      apiVersion: 'apiserver.k8s.io/v1beta1',
      egressSelections: [
        {
          name: 'cluster',
          connection: { transport: { uds: { udsName: `${tunnel.socketFolder}/grpc.sock` } } },
        },
      ],
    });
    expect(host.claims).toContainEqual(expect.stringContaining(tunnel.socketFolder));
    expect(await tunnelEgressPhase.run!(initContext(host), run)).toBe(false);
    for (const phases of [initPhases, joinPhases]) {
      const names = phases.map(({ name }) => name);
      expect(names.indexOf('tunnel-egress')).toBeLessThan(names.indexOf('kubeadm'));
      expect(names.indexOf('tunnel-server')).toBeGreaterThan(names.indexOf('kubeadm'));
    }
  });

  it('is on each joining control-plane node, whose API server may want it, and on no other node', () => {
    const context = (controlPlane: boolean, enabled: boolean) => {
      const settings = joinSettings({ controlPlane, edge: { ...edge, enabled } });
      return createJoinContext(settings, { host: new FakeHost(), emit() {}, signal, machine });
    };
    for (const enabled of [true, false]) {
      expect(tunnelEgressPhase.skip!(context(true, enabled))).toBeUndefined();
      expect(tunnelServerPhase.skip!(context(true, enabled))).toBeUndefined();
      expect(tunnelEgressPhase.skip!(context(false, enabled))).toBe('not a control-plane node');
      expect(tunnelServerPhase.skip!(context(false, enabled))).toBe('not a control-plane node');
    }
  });
});

describe('the konnectivity server', () => {
  it('gets a serving pair with the names of the API server and a client pair, made here, for root alone', async () => {
    const host = controlPlane();
    expect(await tunnelServerPhase.run!(initContext(host), run)).toBe(true);
    const serving = new X509Certificate(host.files[serverCertificatePath]!);
    expect(serving.verify(ca.publicKey)).toBe(true);
    expect(alternativeNames(serving).sort()).toEqual([...apiNames].sort());
    const client = await pairOf(host.files[serverConfPath]!);
    expect(new X509Certificate(client.certificate).subject).toBe('CN=system:konnectivity-server');
    expect(host.files[serverConfPath]).toContain(`server: ${local}\n`);
    for (const path of [`${paths.pki}/konnectivity-server.key`, serverConfPath, tunnelServerManifest]) {
      expect((await host.stat(path))?.mode, path).toBe(0o600);
    }
    expect(host.changes.join()).not.toContain('PRIVATE KEY');
    expect(podOf(host).args).toContain('--server-id=node-1');
  });

  it('stays as it is at a second run', async () => {
    const host = controlPlane();
    await tunnelServerPhase.run!(initContext(host), run);
    const before = { ...host.files };
    expect(await tunnelServerPhase.run!(initContext(host), run)).toBe(false);
    expect(host.files).toEqual(before);
  });

  it('is started again with new certificates when they are renewed, or the API server has another name', async () => {
    const host = controlPlane();
    await tunnelServerPhase.run!(initContext(host), run);
    const first = podOf(host).certificates;
    const key = host.files[`${paths.pki}/konnectivity-server.key`];
    expect(await renewTunnelServer(host)).toBe(true);
    const second = podOf(host).certificates;
    expect(second).not.toBe(first);
    expect(host.files[`${paths.pki}/konnectivity-server.key`]).not.toBe(key);
    const names = [...apiNames, '192.168.7.101'];
    host.put(`${paths.pki}/apiserver.crt`, createCertificate({ commonName: 'x', names, issuer: ca }).cert);
    expect(await tunnelServerPhase.run!(initContext(host), run)).toBe(true);
    expect(podOf(host).certificates).not.toBe(second);
    expect(alternativeNames(new X509Certificate(host.files[serverCertificatePath]!))).toContain(
      '192.168.7.101',
    );
  });

  it('is not there to renew on other hosts', async () => {
    expect(await renewTunnelServer(controlPlane())).toBe(false);
  });

  it.each([
    ['', 'without a tunnel'],
    ['/mine.yaml', 'with a selector of its own'],
  ])('is left out beside an API server %s %s', async (egress) => {
    const host = controlPlane({ egress });
    expect(await tunnelServerPhase.run!(initContext(host), run)).toBe(false);
    expect(host.files[tunnelServerManifest]).toBeUndefined();
  });

  it("takes certificates that an external CA's owner put there, and says which it lacks", async () => {
    const made = controlPlane();
    await tunnelServerPhase.run!(initContext(made), run);
    const pairs = [serverCertificatePath, `${paths.pki}/konnectivity-server.key`, serverConfPath];
    const given = Object.fromEntries(pairs.map((path) => [path, made.files[path]!]));
    const external = controlPlane(given);
    await external.remove(`${paths.pki}/ca.key`);
    await tunnelServerPhase.run!(initContext(external), run);
    expect(external.files[serverCertificatePath]).toBe(given[serverCertificatePath]);
    await external.remove(serverConfPath);
    await expect(tunnelServerPhase.run!(initContext(external), run)).rejects.toMatchObject({
      code: 'E_PHASE_STATE',
      hint: expect.stringContaining(serverConfPath),
    });
  });

  it('is not tried on a host without a control plane', async () => {
    expect(await tunnelServerPhase.requires!(initContext(new FakeHost()))).toMatchObject({
      reason: expect.stringContaining('kube-apiserver.yaml'),
    });
  });
});

describe('the addon', () => {
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
