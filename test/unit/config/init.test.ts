import { describe, expect, it } from 'vitest';
import { hostAddresses } from '../../../src/config/addresses.ts';
import { findDocument } from '../../../src/config/documents.ts';
import { cluster, edge, field, init, kubelet, resolve } from './init-support.ts';
import { errorOf, kubeadm } from './support.ts';

describe('init without flags', () => {
  it("has kubeadm's defaults and what edge needs", () => {
    const settings = resolve({});
    expect(settings).toMatchObject({
      kubernetesVersion: undefined,
      nodeName: 'cp-1',
      advertiseAddress: undefined,
      bindPort: 6443,
      controlPlaneEndpoint: undefined,
      criSocket: 'unix:///run/containerd/containerd.sock',
      certificatesDir: '/etc/kubernetes/pki',
      podSubnet: '10.244.0.0/16',
      serviceSubnet: '10.96.0.0/12',
      dnsDomain: 'cluster.local',
      imageRepository: 'registry.k8s.io',
      token: undefined,
      skipPhases: [],
      dryRun: false,
      uploadCerts: false,
    });
    expect(settings.documents.map(({ kind }) => kind).sort()).toEqual([
      'ClusterConfiguration',
      'InitConfiguration',
      'KubeletConfiguration',
    ]);
    expect(findDocument(settings.documents, 'KubeletConfiguration')).toEqual({
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      kind: 'KubeletConfiguration',
      cgroupDriver: 'systemd',
      rotateCertificates: true,
      serverTLSBootstrap: true,
    });
    expect(field(settings, 'InitConfiguration', 'nodeRegistration.criSocket')).toBe(
      'unix:///run/containerd/containerd.sock',
    );
  });

  it('lets the kubelet start on cgroup v1', () => {
    const settings = resolve({}, { machine: { cgroupVersion: 1, canLowerOomScore: false } });
    expect(field(settings, 'KubeletConfiguration', 'failCgroupV1')).toBe(false);
    expect(settings.edge.runtime.restrictOomScoreAdj).toBe(true);
  });

  it('names the node after the host in lower case', () => {
    expect(resolve({}, { machine: { hostname: ' Edge-1.Example\n' } }).nodeName).toBe('edge-1.example');
  });

  it('does not change its input', () => {
    const flags = Object.freeze({ skipPhases: Object.freeze(['addon']) });
    expect(resolve(flags)).toEqual(resolve(flags));
  });
});

describe('flags of init', () => {
  it('become fields of v1beta4', () => {
    const settings = resolve({
      enableEdge: false,
      apiserverAdvertiseAddress: '192.0.2.10',
      apiserverBindPort: '7443',
      apiserverCertExtraSans: 'a.example.org,192.0.2.9',
      certDir: '/pki',
      certificateKey: '0'.repeat(64),
      uploadCerts: true,
      criSocket: '/run/other.sock',
      featureGates: 'NodeLocalCRISocket=true,RootlessControlPlane=F',
      imageRepository: 'registry.example.org/k8s',
      kubernetesVersion: '1.36.3',
      nodeName: 'first',
      patches: '/patches',
      podNetworkCidr: '10.1.0.0/16',
      serviceCidr: '10.2.0.0/16',
      serviceDnsDomain: 'site.local',
      token: 'abcdef.0123456789abcdef',
      tokenTtl: '0',
      ignorePreflightErrors: ['Swap', 'swap,Mem'],
      apiserverExtraArgs: 'v=4,v=5',
      manifestsDir: '/manifests',
      dryRun: true,
    });
    expect(findDocument(settings.documents, 'InitConfiguration')).toEqual({
      apiVersion: 'kubeadm.k8s.io/v1beta4',
      kind: 'InitConfiguration',
      localAPIEndpoint: { advertiseAddress: '192.0.2.10', bindPort: 7443 },
      certificateKey: '0'.repeat(64),
      nodeRegistration: {
        criSocket: '/run/other.sock',
        name: 'first',
        ignorePreflightErrors: ['Swap', 'Mem'],
      },
      patches: { directory: '/patches' },
      bootstrapTokens: [{ token: 'abcdef.0123456789abcdef', ttl: '0' }],
    });
    expect(findDocument(settings.documents, 'ClusterConfiguration')).toEqual({
      apiVersion: 'kubeadm.k8s.io/v1beta4',
      kind: 'ClusterConfiguration',
      kubernetesVersion: 'v1.36.3',
      certificatesDir: '/pki',
      imageRepository: 'registry.example.org/k8s',
      featureGates: { NodeLocalCRISocket: true, RootlessControlPlane: false },
      networking: { podSubnet: '10.1.0.0/16', serviceSubnet: '10.2.0.0/16', dnsDomain: 'site.local' },
      apiServer: {
        certSANs: ['a.example.org', '192.0.2.9'],
        extraArgs: [
          { name: 'v', value: '4' },
          { name: 'v', value: '5' },
        ],
      },
      controllerManager: {
        extraArgs: [
          { name: 'kube-api-qps', value: '100' },
          { name: 'kube-api-burst', value: '200' },
        ],
      },
    });
    expect(settings).toMatchObject({
      bindPort: 7443,
      criSocket: 'unix:///run/other.sock',
      token: 'abcdef.0123456789abcdef',
      manifestsDir: '/manifests',
      dryRun: true,
      ignorePreflightErrors: ['Swap', 'Mem'],
    });
  });

  it('win over the EdgeConfiguration of a file that has nothing of kubeadm', () => {
    const text = `${edge}virtualAddress: 169.254.7.7\nimages: {edgeRepository: registry.example.org/edge}\n`;
    const settings = resolve(
      { edgeVirtualAddr: '169.254.9.9', podNetworkCidr: '10.1.0.0/16', enableEdge: 'false' },
      { text },
    );
    expect(settings.edge).toMatchObject({
      enabled: false,
      virtualAddress: '169.254.9.9',
      images: { edgeRepository: 'registry.example.org/edge' },
    });
    expect(settings.podSubnet).toBe('10.1.0.0/16');
    expect(findDocument(settings.documents, 'EdgeConfiguration')).toBeUndefined();
  });

  it('that the file can say are refused beside it', () => {
    const error = errorOf(() => resolve({ podNetworkCidr: '10.1.0.0/16' }, { text: cluster }));
    expect(error).toMatchObject({
      code: 'E_USAGE',
      message: "can not mix '--config' with arguments [--pod-network-cidr]",
    });
  });

  it('of edgeadm, node name, skipped phases and checks may stand beside it', () => {
    const text = `${init}nodeRegistration: {name: other, ignorePreflightErrors: [Mem]}\nskipPhases: [addon]\ndryRun: true\n`;
    const flags = {
      nodeName: 'mine',
      skipPhases: 'cni',
      ignorePreflightErrors: 'Swap',
      interface: '',
      dryRun: false,
    };
    const { interface: _, ...given } = flags;
    const settings = resolve(given, { text });
    expect(settings).toMatchObject({
      nodeName: 'mine',
      skipPhases: ['cni'],
      ignorePreflightErrors: ['Mem', 'Swap'],
      dryRun: false,
    });
    const document = findDocument(settings.documents, 'InitConfiguration')!;
    expect(document).toMatchObject({
      dryRun: false,
      nodeRegistration: { name: 'mine', ignorePreflightErrors: ['Mem', 'Swap'] },
    });
    // kubeadm would stop at a phase that only edgeadm knows.
    expect(document).not.toHaveProperty('skipPhases');
  });
});

describe('documents of init', () => {
  it('are kept but for what edge needs', () => {
    const text = [
      `${cluster}clusterName: site\nnetworking: {podSubnet: 10.3.0.0/16}\napiServer: {extraArgs: [{name: v, value: "4"}, {name: v, value: "5"}], timeout: null}\n`,
      `${kubelet}maxPods: 40\nserverTLSBootstrap: false\ncgroupDriver: cgroupfs\nfailCgroupV1: true\nrotateCertificates: null\n`,
      'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: nftables\n',
      `${kubeadm}\nkind: JoinConfiguration\ndiscovery: {tlsBootstrapToken: x}\n`,
    ].join('---\n');
    const settings = resolve(
      {},
      { text: text.replace(', timeout: null', ''), machine: { cgroupVersion: 1 } },
    );
    expect(findDocument(settings.documents, 'KubeletConfiguration')).toEqual({
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      kind: 'KubeletConfiguration',
      maxPods: 40,
      serverTLSBootstrap: false,
      cgroupDriver: 'cgroupfs',
      failCgroupV1: true,
      rotateCertificates: true,
    });
    expect(findDocument(settings.documents, 'ClusterConfiguration')).toMatchObject({
      clusterName: 'site',
      networking: { podSubnet: '10.3.0.0/16' },
      apiServer: {
        extraArgs: [
          { name: 'v', value: '4' },
          { name: 'v', value: '5' },
          { name: 'egress-selector-config-file', value: '/etc/kubernetes/egress-selector.yaml' },
          { name: 'enable-aggregator-routing', value: 'true' },
        ],
      },
    });
    expect(findDocument(settings.documents, 'KubeProxyConfiguration')).toMatchObject({ mode: 'nftables' });
    expect(findDocument(settings.documents, 'JoinConfiguration')).toBeUndefined();
  });

  it('of v1beta3 are to be migrated first', () => {
    const error = errorOf(() => resolve({}, { text: cluster.replace('v1beta4', 'v1beta3') }));
    expect(error).toMatchObject({
      code: 'E_CONFIG_INVALID',
      hint: expect.stringContaining('config migrate'),
    });
  });

  it('without a CNI get no pod network', () => {
    const settings = resolve({}, { text: `${edge}cni: {name: none}\n` });
    expect(settings.podSubnet).toBe('');
    expect(field(settings, 'ClusterConfiguration', 'networking')).toBeUndefined();
  });

  it('take two families', () => {
    const settings = resolve({
      podNetworkCidr: '10.1.0.0/16,fd00:10:1::/56',
      serviceCidr: '10.2.0.0/16,fd00:10:2::/112',
    });
    expect(settings.podSubnet).toBe('10.1.0.0/16,fd00:10:1::/56');
  });
});

describe('a control-plane endpoint', () => {
  const names = (flags: Record<string, unknown>) =>
    field(resolve(flags), 'ClusterConfiguration', 'apiServer.certSANs');

  it('that is an IP address gets into the certificate, once', () => {
    expect(names({ controlPlaneEndpoint: '192.0.2.100:6443', apiserverCertExtraSans: 'a.b' })).toEqual([
      'a.b',
      '192.0.2.100',
    ]);
    expect(names({ controlPlaneEndpoint: '192.0.2.100', apiserverCertExtraSans: '192.0.2.100' })).toEqual([
      '192.0.2.100',
    ]);
    expect(names({ controlPlaneEndpoint: '[2001:db8::100]:6443' })).toEqual(['2001:db8::100']);
    expect(names({ controlPlaneEndpoint: 'api.example.org:6443' })).toBeUndefined();
  });

  it('is carried by kube-vip on the link of the flag', () => {
    const { edge } = resolve({ controlPlaneEndpoint: '192.0.2.100:6443', interface: 'eth1' });
    expect(edge.ha).toEqual({ provider: 'kube-vip', interface: 'eth1' });
    expect(resolve({ controlPlaneEndpoint: '192.0.2.100', defaultHa: '' }).edge.ha.provider).toBe('');
  });
});

describe('addresses of the host', () => {
  it('are those of its own links', () => {
    const interfaces = {
      lo: [{ cidr: '127.0.0.1/8' }],
      eth0: [{ cidr: '192.0.2.10/24' }, { cidr: null }],
      cni0: [{ cidr: '10.244.0.1/24' }],
      'flannel.1': [{ cidr: '10.244.0.0/32' }],
      wlan0: undefined,
    };
    expect(hostAddresses(interfaces)).toEqual(['192.0.2.10/24']);
  });

  it('that stand alone, such as a virtual IP or a ClusterIP, block no network', () => {
    expect(() =>
      resolve({}, { machine: { addresses: ['10.96.0.1/32', 'fe80::1/64', '10.244.0.7'] } }),
    ).not.toThrow();
  });
});
