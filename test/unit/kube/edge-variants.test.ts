import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KubeDocument } from '../../../src/config/types.ts';
import { connect } from '../../../src/kube/client.ts';
import { withoutEdgeNodes } from '../../../src/kube/edge-placement.ts';
import { edgeDnsObjects, edgeKubeProxyObjects } from '../../../src/kube/edge-variants.ts';
import { flannelObjects } from '../../../src/kube/flannel.ts';
import { type FakeApiServer, startApiServer } from '../../fakes/apiserver.ts';

const notEdge = { key: 'superedge.io/node-edge', operator: 'NotIn', values: ['enable'] };
const linux = { key: 'kubernetes.io/os', operator: 'In', values: ['linux'] };

interface PodSpec {
  affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: unknown } };
  nodeSelector: Record<string, string>;
  containers: { image: string; args: string[]; env: { name: string; value?: string }[] }[];
}

const find = (objects: readonly KubeDocument[], kind: string, name: string) =>
  objects.find((each) => each.kind === kind && (each.metadata as { name: string }).name === name)!;
const podSpec = (object: KubeDocument) => (object.spec as { template: { spec: PodSpec } }).template.spec;
const data = (object: KubeDocument) => object.data as Record<string, string>;
const required = (object: KubeDocument) =>
  podSpec(object).affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution;

describe('placement', () => {
  it('leaves edge nodes out of every alternative, once', () => {
    expect(withoutEdgeNodes()).toEqual([{ matchExpressions: [notEdge] }]);
    const zone = { key: 'zone', operator: 'In', values: ['a'] };
    const once = withoutEdgeNodes([{ matchExpressions: [zone] }, { matchFields: [zone] }]);
    expect(once).toEqual([
      { matchExpressions: [zone, notEdge] },
      { matchFields: [zone], matchExpressions: [notEdge] },
    ]);
    expect(withoutEdgeNodes(once)).toEqual(once);
  });
});

describe('flannel', () => {
  const settings = { podSubnet: '10.8.0.0/16', backend: 'vxlan', apiServer: '10.0.0.1:6443' } as const;

  it('has a DaemonSet for edge nodes and one for all others', async () => {
    const objects = await flannelObjects({ ...settings, localApiAddress: '169.254.20.9' });
    expect(required(find(objects, 'DaemonSet', 'kube-flannel-ds'))).toEqual({
      nodeSelectorTerms: [{ matchExpressions: [linux, notEdge] }],
    });
    const edge = podSpec(find(objects, 'DaemonSet', 'kube-flannel-edge'));
    expect(edge.nodeSelector).toMatchObject({ 'superedge.io/node-edge': 'enable' });
    expect(edge.containers[0]!.args).toContain('--iface=$(NODE_IP)');
    expect(edge.containers[0]!.env).toEqual(
      expect.arrayContaining([
        { name: 'KUBERNETES_SERVICE_HOST', value: '169.254.20.9' },
        { name: 'KUBERNETES_SERVICE_PORT', value: '51003' },
      ]),
    );
    expect(JSON.stringify(edge)).not.toContain('10.0.0.1');
    const [first] = JSON.parse(data(find(objects, 'ConfigMap', 'kube-flannel-edge-cfg'))['cni-conf.json']!)
      .plugins as { ipam: unknown; subnetFile: string }[];
    expect(first).toMatchObject({ ipam: { type: 'edgeadm-ipam' } });
    // Not in /run: it outlives a boot.
    expect(first?.subnetFile).toMatch(/^\/var\/lib\//);
  });

  it("takes the user's link and image on edge nodes too", async () => {
    const more = { interface: 'eth1', image: 'registry.local/flannel:v1' };
    const objects = await flannelObjects({ ...settings, ...more, localApiAddress: '169.254.20.9' });
    for (const name of ['kube-flannel-ds', 'kube-flannel-edge']) {
      const [flannel] = podSpec(find(objects, 'DaemonSet', name)).containers;
      expect(flannel!.args.filter((arg) => arg.startsWith('--iface'))).toEqual(['--iface=eth1']);
      expect(flannel!.image).toBe(more.image);
    }
  });

  it('is one for all nodes without an API proxy on edge nodes', async () => {
    const objects = await flannelObjects(settings);
    expect(objects.filter(({ kind }) => kind === 'DaemonSet')).toHaveLength(1);
    expect(required(find(objects, 'DaemonSet', 'kube-flannel-ds'))).toEqual({
      nodeSelectorTerms: [{ matchExpressions: [linux] }],
    });
  });
});

describe('kube-proxy and CoreDNS', () => {
  let server: FakeApiServer;
  beforeEach(async () => {
    server = await startApiServer();
  });
  afterEach(() => server.close());

  const cluster = () => connect({ kubeconfig: server.kubeconfig() });
  const packaged = async () => 'registry.k8s.io/coredns/coredns:v1';
  const workload = (kind: string, name: string, image: string) =>
    server.put({
      apiVersion: 'apps/v1',
      kind,
      metadata: { name, namespace: 'kube-system' },
      spec: { template: { spec: { containers: [{ image }] } } },
    });

  it("are kubeadm's kube-proxy with its configuration, by way of the API proxy", async () => {
    workload('DaemonSet', 'kube-proxy', 'registry.local/kube-proxy:v9');
    const config = 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nmode: nftables\n';
    server.put({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'kube-proxy', namespace: 'kube-system' },
      data: { 'config.conf': config, 'kubeconfig.conf': 'server: https://10.0.0.1:6443' },
    });
    const found = await edgeKubeProxyObjects(await cluster(), { virtualAddress: '169.254.20.9' });
    const objects = found?.objects;
    const map = data(find(objects!, 'ConfigMap', 'kube-proxy-edge'));
    expect(map['config.conf']).toBe(config);
    expect(map['kubeconfig.conf']).toContain('server: https://169.254.20.9:51003\n');
    expect(podSpec(find(objects!, 'DaemonSet', 'kube-proxy-edge')).containers[0]!.image).toBe(
      'registry.local/kube-proxy:v9',
    );
    expect(find(found!.standard, 'DaemonSet', 'kube-proxy').spec).toEqual({
      template: {
        spec: {
          affinity: {
            nodeAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: {
                nodeSelectorTerms: [{ matchExpressions: [notEdge] }],
              },
            },
          },
        },
      },
    });
    // Another configuration starts the pods anew.
    const hash = (list: KubeDocument[]) =>
      (
        find(list, 'DaemonSet', 'kube-proxy-edge').spec as {
          template: { metadata: { annotations: Record<string, string> } };
        }
      ).template.metadata.annotations;
    const other = await edgeKubeProxyObjects(await cluster(), { virtualAddress: '169.254.20.8' });
    expect(hash(other!.objects)).not.toEqual(hash(objects!));
  });

  it('leave a cluster alone that has another service proxy', async () => {
    expect(await edgeKubeProxyObjects(await cluster(), { virtualAddress: '169.254.20.9' })).toBeUndefined();
  });

  it('are a CoreDNS at the edge virtual address alone', async () => {
    workload('Deployment', 'coredns', 'registry.local/coredns:v9');
    server.put({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'kube-dns', namespace: 'kube-system' },
      spec: { clusterIP: '10.96.0.10' },
    });
    const settings = { virtualAddress: '169.254.20.9', dnsDomain: 'edge.example' };
    const { objects, standard } = await edgeDnsObjects(await cluster(), settings, packaged);
    const corefile = data(find(objects, 'ConfigMap', 'coredns-edge')).Corefile!;
    expect(corefile).toContain('bind 169.254.20.9\n');
    expect(corefile).toContain('kubernetes edge.example in-addr.arpa');
    expect(corefile).toContain('forward . /etc/resolv.conf 10.96.0.10 {');
    expect(corefile).not.toContain('${');
    const [coredns] = podSpec(find(objects, 'DaemonSet', 'coredns-edge')).containers;
    expect(coredns).toMatchObject({
      image: 'registry.local/coredns:v9',
      env: [{ value: '169.254.20.9' }, { value: '51003' }],
    });
    expect(required(find(standard, 'Deployment', 'coredns'))).toEqual({
      nodeSelectorTerms: [{ matchExpressions: [notEdge] }],
    });
  });

  it('are a CoreDNS of the package where the cluster has none', async () => {
    const settings = { virtualAddress: '169.254.20.9', dnsDomain: 'cluster.local' };
    const { objects, standard } = await edgeDnsObjects(await cluster(), settings, packaged);
    expect(podSpec(find(objects, 'DaemonSet', 'coredns-edge')).containers[0]!.image).toBe(
      'registry.k8s.io/coredns/coredns:v1',
    );
    expect(standard).toEqual([]);
    expect(data(find(objects, 'ConfigMap', 'coredns-edge')).Corefile).toContain(
      '/etc/resolv.conf 127.0.0.1:9 {',
    );
  });

  it('may do what they need and no more', async () => {
    const settings = { virtualAddress: '169.254.20.9', dnsDomain: 'cluster.local' };
    const { objects } = await edgeDnsObjects(undefined, settings, packaged);
    const role = find(objects, 'ClusterRole', 'edgeadm:coredns-edge');
    expect(role.rules).toEqual([
      { apiGroups: [''], resources: ['services', 'namespaces'], verbs: ['list', 'watch'] },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
    ]);
  });
});
