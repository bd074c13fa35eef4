import { describe, expect, it, onTestFinished } from 'vitest';
import { clusterEdge } from '../../../phases/join/cluster-edge.ts';
import { createJoinContext } from '../../../phases/join/context.ts';
import { edgeKubeletPhase } from '../../../phases/join/edge-kubelet.ts';
import { apiServers } from '../../../phases/join/edge-node.ts';
import { liteApiserverPhase } from '../../../phases/join/lite-apiserver.ts';
import { kubeletDropInDocument } from '../../../phases/node/kubelet-settings.ts';
import { edgeKubeletDropIn } from '../../../phases/node/kubelet-unit.ts';
import { liteApiserverDocument, liteApiserverUnitText } from '../../../phases/node/lite-apiserver.ts';
import { renderClusterEdge } from '../../../src/config/cluster-edge.ts';
import type { JoinSettings } from '../../../src/config/types.ts';
import { toConfig } from '../../../src/edge/lite-apiserver/config.ts';
import { paths } from '../../../src/host/paths.ts';
import { serverOf, withServer } from '../../../src/kube/kubeconfig-server.ts';
import type { KubeClient } from '../../../src/kube/types.ts';
import type { PhaseRun } from '../../../src/workflow/phase.ts';
import { startApiServer } from '../../fakes/apiserver.ts';
import { FakeHost } from '../../fakes/host.ts';
import { joinSettings } from '../checks/support.ts';
import { pages } from '../docs/pages.ts';

const { signal } = new AbortController();
const run: PhaseRun = { signal, emit() {}, progress() {} };
const machine = { hostname: 'node-1', arch: 'amd64', cgroupVersion: 2, canLowerOomScore: true } as const;

function context(host: FakeHost, change: Partial<JoinSettings> = {}) {
  return createJoinContext(joinSettings(change), { host, emit: host.emit, signal, machine });
}

const kubeletConf = `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: Q0E=
    server: https://10.0.0.1:6443
  name: default-cluster
contexts:
- context:
    cluster: default-cluster
    namespace: default
    user: default-auth
  name: default-context
current-context: default-context
kind: Config
users:
- name: default-auth
  user:
    client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem
    client-key: /var/lib/kubelet/pki/kubelet-client-current.pem
`;

describe('the phases of an edge node', () => {
  it('plan everything and change nothing in a dry run', async () => {
    const host = new FakeHost({ dryRun: true });
    const ctx = context(host);
    expect(await liteApiserverPhase.run!(ctx, run)).toBe(true);
    expect(await edgeKubeletPhase.run!(ctx, run)).toBe(true);
    expect(host.changes).toEqual(
      expect.arrayContaining([
        `write ${paths.liteApiserver}/config.yaml`,
        'write /etc/systemd/system/edgeadm-lite-apiserver.service',
        'write /etc/kubernetes/kubelet.conf.d/10-edgeadm.conf',
        'write /etc/systemd/system/kubelet.service.d/20-edgeadm-edge.conf',
      ]),
    );
    expect(host.journal).toEqual([]);
  });

  it('leave other nodes alone, and those whose configuration leaves the proxy out', () => {
    const { edge } = joinSettings();
    const worker = context(new FakeHost(), { edge: { ...edge, enabled: false } });
    expect(liteApiserverPhase.skip!(worker)).toBe('not an edge node');
    expect(edgeKubeletPhase.skip!(worker)).toBe('not an edge node');
    expect(edgeKubeletPhase.skip!(context(new FakeHost(), { controlPlane: true }))).toBe('not an edge node');
    const addons = { 'lite-apiserver': { enabled: false, settings: {} } };
    const without = context(new FakeHost(), { edge: { ...edge, addons } });
    expect(liteApiserverPhase.skip!(without)).toMatch(/left out/);
    expect(edgeKubeletPhase.skip!(without)).toBe(undefined);
  });

  it('need a kubelet with a certificate', async () => {
    const bare = context(new FakeHost({ files: { [paths.kubeletConf]: kubeletConf } }));
    expect((await liteApiserverPhase.requires!(bare))?.reason).toMatch(
      /kubelet-client-current.pem is not there/,
    );
    const files = {
      [paths.kubeletConf]: kubeletConf,
      [`${paths.kubelet}/pki/kubelet-client-current.pem`]: '',
    };
    expect(await edgeKubeletPhase.requires!(context(new FakeHost({ files })))).toBe(undefined);
  });
});

describe("the cluster's settings", () => {
  const own = joinSettings().edge;
  const text = renderClusterEdge({ ...own, virtualAddress: '169.254.30.1' });

  /** A cluster that has the object from the nth look on. */
  function joining(looks: number, change: Partial<JoinSettings> = {}) {
    const host = new FakeHost();
    let asked = 0;
    const get = async () => (++asked < looks ? undefined : { data: { EdgeConfiguration: text } });
    const ctx = { ...context(host, change), kube: async () => ({ get }) as unknown as KubeClient };
    return { ctx, host, asked: () => asked };
  }

  it('are waited for, as a node can be faster than init, and read once', async () => {
    const { ctx, host, asked } = joining(3);
    expect((await clusterEdge(ctx, signal)).virtualAddress).toBe('169.254.30.1');
    await clusterEdge(ctx, signal);
    expect(asked()).toBe(3);
    expect(host.events).toEqual([]);
  });

  it("win over the node's own address, which is told", async () => {
    const { ctx, host } = joining(1, { edge: { ...own, virtualAddress: '169.254.40.1' } });
    expect((await clusterEdge(ctx, signal)).virtualAddress).toBe('169.254.30.1');
    expect(host.events).toMatchObject([
      { type: 'warning', message: expect.stringContaining('169.254.40.1') },
    ]);
  });
});

describe('where the API server is', () => {
  it('stands in kubelet.conf, and once that names the proxy in the configuration of the proxy', async () => {
    const host = new FakeHost({ files: { [paths.kubeletConf]: kubeletConf } });
    expect(await apiServers(host)).toEqual(['https://10.0.0.1:6443']);
    host.put(paths.kubeletConf, withServer(kubeletConf, 'https://127.0.0.1:51003', 'kubelet.conf'));
    await expect(apiServers(host)).rejects.toMatchObject({ code: 'E_EDGE_NODE' });
    host.put(`${paths.liteApiserver}/config.yaml`, 'upstream: {servers: ["https://10.0.0.9:6443"]}\n');
    expect(await apiServers(host)).toEqual(['https://10.0.0.9:6443']);
  });
});

describe('the kubelet of a node without the proxy', () => {
  it('gets its settings, is restarted once, and is waited for; a second run changes nothing', async () => {
    const api = await startApiServer();
    onTestFinished(() => api.close());
    api.put({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'edgeadm-config', namespace: 'kube-system' },
      data: { EdgeConfiguration: renderClusterEdge(joinSettings().edge) },
    });
    const beat = (renewTime: number) =>
      api.put({
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name: 'node-1', namespace: 'kube-node-lease' },
        spec: { renewTime: new Date(renewTime).toISOString() },
      });
    // One of the kubelet before the restart does not count.
    beat(Date.now() - 5000);
    const host = new FakeHost({
      files: { [paths.kubeletConf]: api.kubeconfig(), [`${paths.kubelet}/config.yaml`]: 'maxPods: 60\n' },
      units: { 'kubelet.service': { enabled: true, active: true } },
    });
    const progress: string[] = [];
    const ctx = context(host, { nodeName: 'node-1' });
    const first = edgeKubeletPhase.run!(ctx, { ...run, progress: (step) => progress.push(step) });
    await expect
      .poll(() => api.requests.filter(({ path }) => path.endsWith('/leases/node-1')).length, {
        timeout: 20_000,
      })
      .toBeGreaterThan(1);
    beat(Date.now() + 1000);
    expect(await first).toBe(true);
    expect(host.units.get('kubelet.service')?.starts).toBe(1);
    expect(host.files['/etc/systemd/system/kubelet.service.d/20-edgeadm-edge.conf']).not.toContain(
      'bootstrap',
    );
    expect(host.files['/etc/kubernetes/kubelet.conf.d/10-edgeadm.conf']).toContain('evictionHard');
    expect(host.files[paths.kubeletConf]).toBe(api.kubeconfig());

    expect(await edgeKubeletPhase.run!(context(host, { nodeName: 'node-1' }), run)).toBe(false);
    expect(host.units.get('kubelet.service')?.starts).toBe(1);
  });
});

describe('what they write', () => {
  const facts = {
    nodeName: 'edge-1',
    servers: ['https://10.0.0.1:6443'],
    virtualAddress: '169.254.20.11',
    service: { address: '10.96.0.1', port: 443 },
    serviceSubnets: ['10.96.0.0/12'],
    dnsDomain: 'cluster.local',
    health: true,
  };

  it('is a configuration that the process takes', () => {
    expect(toConfig(liteApiserverDocument(facts))).toMatchObject({
      edgeLink: {
        name: 'edgeadm0',
        addresses: ['169.254.20.11', '10.96.0.1'],
        routes: ['10.96.0.0/12'],
      },
      listen: [
        { host: '169.254.20.11', port: 51003 },
        { host: '127.0.0.1', port: 51003 },
        { host: '10.96.0.1', port: 443 },
      ],
      serving: {
        keyFile: '/var/lib/edgeadm/lite-apiserver/pki/serving.pem',
        request: { addresses: ['169.254.20.11', '127.0.0.1', '10.96.0.1'] },
      },
      filters: { kubernetesService: { address: '169.254.20.11', port: 51003 } },
    });
    const v6 = toConfig(liteApiserverDocument({ ...facts, service: { address: 'fd00::1', port: 443 } }));
    expect(v6.listen.at(-1)).toEqual({ host: 'fd00::1', port: 443 });
  });

  it('is the unit that docs/lite-apiserver.md shows', () => {
    expect(pages.get('docs/lite-apiserver.md')).toContain(`\`\`\`ini\n${liteApiserverUnitText}\`\`\``);
  });

  it('starts the proxy before the kubelet, which does not need it', () => {
    expect(liteApiserverUnitText).toContain('Before=kubelet.service');
    const dropIn = edgeKubeletDropIn({ configDir: '/etc/x', proxyUnit: 'edgeadm-lite-apiserver.service' });
    expect(dropIn).toContain('Wants=edgeadm-lite-apiserver.service');
    expect(dropIn).not.toMatch(/Requires|bootstrap-kubeconfig/);
    expect(edgeKubeletDropIn({ configDir: '/etc/x', proxyUnit: false })).not.toContain('lite-apiserver');
  });

  it('changes the server of a kubeconfig and nothing else', () => {
    const changed = withServer(kubeletConf, 'https://127.0.0.1:51003', 'kubelet.conf');
    expect(serverOf(changed, 'kubelet.conf')).toBe('https://127.0.0.1:51003');
    expect(withServer(changed, 'https://127.0.0.1:51003', 'kubelet.conf')).toBe(changed);
    expect(withServer(changed, 'https://10.0.0.1:6443', 'kubelet.conf').replaceAll(' ', '')).toBe(
      kubeletConf.replaceAll(' ', ''),
    );
    expect(() => withServer('a: b', 'https://x', 'kubelet.conf')).toThrow(/no kubeconfig/);
  });
});

describe("the kubelet's settings", () => {
  const edge = { cluster: joinSettings().edge, hasAddon: () => true };
  const kubelet = (fields: object) => ({ apiVersion: '', kind: 'KubeletConfiguration', ...fields });

  it("are an edge node's where the cluster says nothing", () => {
    const document = kubeletDropInDocument(kubelet({ maxPods: 60 }), edge);
    expect(document).toMatchObject({ imageGCHighThresholdPercent: 95, imageGCLowThresholdPercent: 90 });
    expect(Object.keys(document.evictionHard as object)).toHaveLength(5);
    expect(document).not.toHaveProperty('maxPods');
  });

  it('never win over what the user set', () => {
    const own = kubelet({ imageGCLowThresholdPercent: 50, evictionHard: { 'nodefs.available': '1%' } });
    const document = kubeletDropInDocument(own, edge);
    expect(Object.keys(document).sort()).toEqual(['apiVersion', 'clusterDNS', 'kind']);
  });

  it("hand the node's own DNS to pods, where there is one", () => {
    const own = kubelet({ clusterDNS: ['10.96.0.10'] });
    const dns = (off: string) =>
      kubeletDropInDocument(own, { ...edge, hasAddon: (name) => name !== off }).clusterDNS;
    expect(dns('none')).toEqual(['169.254.20.11']);
    expect(dns('edge-dns')).toBeUndefined();
    expect(dns('lite-apiserver')).toBeUndefined();
  });
});
