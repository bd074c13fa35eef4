import { describe, expect, it } from 'vitest';
import { hostAddresses } from '../../../src/config/addresses.ts';
import { findDocument } from '../../../src/config/documents.ts';
import { getField } from '../../../src/config/fields.ts';
import { resolveInit, withPackageVersion } from '../../../src/config/init.ts';
import type { InitSettings, MachineFacts } from '../../../src/config/types.ts';
import { errorOf, file, kubeadm, machine } from './support.ts';

const resolve = (
  flags: Record<string, unknown>,
  more: {
    text?: string;
    machine?: Partial<MachineFacts>;
    packageVersion?: string;
    addonNames?: string[];
  } = {},
) =>
  resolveInit({
    flags,
    machine: { ...machine, ...more.machine },
    ...(more.text === undefined ? {} : { config: file(more.text) }),
    ...(more.packageVersion === undefined ? {} : { packageVersion: more.packageVersion }),
    ...(more.addonNames === undefined ? {} : { addonNames: more.addonNames }),
  });
const field = (settings: InitSettings, kind: string, path: string) =>
  getField(findDocument(settings.documents, kind), path);

const cluster = `${kubeadm}\nkind: ClusterConfiguration\n`;
const init = `${kubeadm}\nkind: InitConfiguration\n`;
const kubelet = 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n';
const edge = 'apiVersion: edgeadm.superedge.io/v1alpha1\nkind: EdgeConfiguration\n';

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

describe('the Kubernetes version', () => {
  it('is the one of the package when it was left open', () => {
    const settings = resolve({}, { packageVersion: 'v1.35.4' });
    expect(settings.kubernetesVersion).toBe('v1.35.4');
    expect(field(settings, 'ClusterConfiguration', 'kubernetesVersion')).toBe('v1.35.4');
  });

  it('can be settled later, when the package was opened', () => {
    const settings = resolve({ kubernetesVersion: 'stable-1.36' });
    expect(settings.kubernetesVersion).toBeUndefined();
    const later = withPackageVersion(settings, 'v1.36.3');
    expect(later.kubernetesVersion).toBe('v1.36.3');
    expect(field(later, 'ClusterConfiguration', 'kubernetesVersion')).toBe('v1.36.3');
    expect(field(settings, 'ClusterConfiguration', 'kubernetesVersion')).toBe('stable-1.36');
    expect(errorOf(() => withPackageVersion(settings, 'v1.35.4')).code).toBe('E_PACKAGE_MISMATCH');
  });

  it('decides which fields there are', () => {
    const text = `${kubelet}tlsCurvePreferences: [29]\n`;
    expect(() => resolve({}, { text, packageVersion: 'v1.36.3' })).not.toThrow();
    const error = errorOf(() => resolve({}, { text, packageVersion: 'v1.35.4' }));
    expect(error).toMatchObject({
      code: 'E_CONFIG_FIELD',
      message: 'cluster.yaml: KubeletConfiguration tlsCurvePreferences: does not exist',
    });
    expect(() =>
      resolve({ featureGates: 'ControlPlaneKubeletLocalMode=true' }, { packageVersion: 'v1.35.4' }),
    ).not.toThrow();
    expect(
      errorOf(() =>
        resolve({ featureGates: 'ControlPlaneKubeletLocalMode=true' }, { packageVersion: 'v1.36.3' }),
      ).message,
    ).toBe('--feature-gates: is not a feature gate of kubeadm 1.36');
  });

  it('checks the fields again when it is settled later', () => {
    const settings = resolve({}, { text: `${kubelet}tlsCurvePreferences: [29]\n` });
    expect(() => withPackageVersion(settings, 'v1.36.3')).not.toThrow();
    expect(errorOf(() => withPackageVersion(settings, 'v1.34.4')).message).toBe(
      'KubeletConfiguration tlsCurvePreferences: does not exist',
    );
    const gates = resolve(
      { featureGates: 'WaitForAllControlPlaneComponents=true' },
      { packageVersion: 'v1.34.4' },
    );
    expect(gates.kubernetesVersion).toBe('v1.34.4');
  });

  it('of another package is refused', () => {
    const error = errorOf(() => resolve({ kubernetesVersion: 'v1.34.4' }, { packageVersion: 'v1.36.3' }));
    expect(error).toMatchObject({
      code: 'E_PACKAGE_MISMATCH',
      message: 'the install package holds Kubernetes v1.36.3, not v1.34.4',
    });
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

describe('faults of init', () => {
  it.each<[string, Record<string, unknown>, string]>([
    [
      'a bad CIDR',
      { podNetworkCidr: '10.1.0.0/33' },
      '--pod-network-cidr: "10.1.0.0/33" has a prefix length over 32',
    ],
    ['host bits', { podNetworkCidr: '10.1.5.0/16' }, '--pod-network-cidr: "10.1.5.0/16" has host bits set'],
    [
      'three CIDRs',
      { podNetworkCidr: '10.1.0.0/16,10.2.0.0/16,fd00::/56' },
      '--pod-network-cidr: "10.1.0.0/16,10.2.0.0/16,fd00::/56" is neither one CIDR nor an IPv4,IPv6 pair',
    ],
    [
      'two of a family',
      { serviceCidr: '10.1.0.0/16,10.2.0.0/16' },
      '--service-cidr: "10.1.0.0/16,10.2.0.0/16" is neither one CIDR nor an IPv4,IPv6 pair',
    ],
    [
      'pods over services',
      { podNetworkCidr: '10.96.0.0/16' },
      '--pod-network-cidr: 10.96.0.0/16 overlaps the service network 10.96.0.0/12',
    ],
    [
      'services over pods',
      { serviceCidr: '10.244.8.0/24' },
      'ClusterConfiguration networking.podSubnet: 10.244.0.0/16 overlaps the service network 10.244.8.0/24',
    ],
    [
      'pods over nodes',
      { podNetworkCidr: '192.0.0.0/16' },
      "--pod-network-cidr: 192.0.0.0/16 overlaps this node's own network 192.0.2.0/24",
    ],
    [
      'IPv6 pods over nodes',
      { podNetworkCidr: '10.1.0.0/16,2001:db8::/56' },
      "--pod-network-cidr: 2001:db8::/56 overlaps this node's own network 2001:db8::/64",
    ],
    [
      'services over the address',
      { serviceCidr: '10.9.0.0/16', apiserverAdvertiseAddress: '10.9.0.7' },
      '--apiserver-advertise-address: "10.9.0.7" lies in the service network 10.9.0.0/16',
    ],
    [
      'few services',
      { serviceCidr: '10.9.0.0/29' },
      '--service-cidr: 10.9.0.0/29 has 8 addresses; services need at least 10',
    ],
    [
      'too many services',
      { serviceCidr: 'fd00:1::/64', podNetworkCidr: 'fd00:2::/56' },
      '--service-cidr: fd00:1::/64 is larger than services can use',
    ],
    [
      'few pods',
      { podNetworkCidr: '10.9.0.0/29' },
      '--pod-network-cidr: 10.9.0.0/29 has 8 addresses; pods need at least 14',
    ],
    [
      'no room for nodes',
      { podNetworkCidr: '10.9.0.0/25' },
      '--pod-network-cidr: 10.9.0.0/25 is too small: each node gets a /24 of it (node-cidr-mask-size of the controller manager)',
    ],
    [
      'too much room',
      { podNetworkCidr: 'fd00::/40', serviceCidr: 'fd01::/112' },
      '--pod-network-cidr: fd00::/40 is too large: each node gets a /64 of it (node-cidr-mask-size of the controller manager)',
    ],
    [
      'families that differ',
      { serviceCidr: '10.9.0.0/16,fd01::/112' },
      'ClusterConfiguration networking.podSubnet: has no IPv6 network, but services do (fd01::/112)',
    ],
    [
      'an address of the other family',
      { apiserverAdvertiseAddress: 'fd05::1' },
      '--apiserver-advertise-address: "fd05::1" is IPv6, but the first service network is IPv4',
    ],
    [
      'a zone',
      { apiserverAdvertiseAddress: 'fe80::1%eth0' },
      '--apiserver-advertise-address: "fe80::1%eth0" is not an IP address',
    ],
    [
      'a link-local address',
      { apiserverAdvertiseAddress: '169.254.1.1' },
      '--apiserver-advertise-address: "169.254.1.1" is a link-local address, which other nodes cannot reach',
    ],
    [
      'a multicast address',
      { apiserverAdvertiseAddress: 'ff02::1' },
      '--apiserver-advertise-address: "ff02::1" is a multicast address, which other nodes cannot reach',
    ],
    [
      'an address with port',
      { apiserverAdvertiseAddress: '192.0.2.1:6443' },
      '--apiserver-advertise-address: "192.0.2.1:6443" is not an IP address',
    ],
    ['a bad port', { apiserverBindPort: 70000 }, '--apiserver-bind-port: 70000 is not a port'],
    [
      'an endpoint with scheme',
      { controlPlaneEndpoint: 'https://api:6443' },
      '--control-plane-endpoint: "https://api:6443" is a URL',
    ],
    [
      'IPv6 without brackets',
      { controlPlaneEndpoint: 'fd00:::6443' },
      '--control-plane-endpoint: "fd00:::6443" is not an IPv6 address; with a port it needs brackets: [::1]:6443',
    ],
    [
      'a bad name',
      { nodeName: 'Edge_1' },
      "--node-name: \"edge_1\" is not a node name (lower-case letters, digits, '-' and '.', a letter or digit at both ends)",
    ],
    [
      'an IP as name',
      { nodeName: '192.0.2.1' },
      '--node-name: "192.0.2.1" is an IP address, not a node name',
    ],
    [
      'a bad SAN',
      { apiserverCertExtraSans: 'ok.example.org,https://x' },
      '--apiserver-cert-extra-sans: "https://x" is neither an IP address nor a DNS name',
    ],
    ['a bad token', { token: 'abc.def' }, '--token: the token has 3 characters before its dot instead of 6'],
    ['a ttl in the past', { tokenTtl: '-1h' }, '--token-ttl: "-1h" lies in the past'],
    [
      'a bad key',
      { certificateKey: 'abc', uploadCerts: true },
      '--certificate-key: the certificate key has 3 characters instead of 64',
    ],
    [
      'a key for nothing',
      { certificateKey: '0'.repeat(64) },
      '--certificate-key: is of no use without --upload-certs',
    ],
    ['a relative folder', { certDir: 'pki' }, '--cert-dir: "pki" is not an absolute path'],
    ['a bad socket', { criSocket: 'containerd' }, '--cri-socket: "containerd" is not a socket'],
    [
      'a socket over TCP',
      { criSocket: 'tcp://127.0.0.1:1' },
      '--cri-socket: "tcp://127.0.0.1:1" is not a socket',
    ],
    [
      'a repository with scheme',
      { imageRepository: 'https://r.example.org/' },
      '--image-repository: "https://r.example.org/" is not an image repository',
    ],
    [
      'a bad domain',
      { serviceDnsDomain: 'Cluster.local' },
      '--service-dns-domain: "Cluster.local" is not a DNS domain',
    ],
    [
      'a version outside',
      { kubernetesVersion: 'v1.22.0' },
      '--kubernetes-version: "v1.22.0" is outside the versions that edgeadm installs (1.34, 1.35, 1.36)',
    ],
    [
      'no version',
      { kubernetesVersion: 'newest' },
      '--kubernetes-version: "newest" is not a Kubernetes version',
    ],
    [
      'an unknown gate',
      { featureGates: 'NodeLocalCriSocket=true' },
      '--feature-gates: is not a feature gate of kubeadm',
    ],
    [
      'a gate that is neither',
      { featureGates: 'NodeLocalCRISocket=on' },
      '--feature-gates: "NodeLocalCRISocket=on" is neither true nor false',
    ],
    [
      'all beside others',
      { ignorePreflightErrors: 'all,Swap' },
      '--ignore-preflight-errors: "all,Swap" names single checks beside all',
    ],
    [
      'another runtime',
      { runtime: 'docker' },
      '--runtime: "docker" cannot be installed: Kubernetes dropped it in 1.24',
    ],
    [
      'another HA',
      { defaultHa: 'keepalived', controlPlaneEndpoint: '192.0.2.100' },
      '--default-ha: "keepalived" is not known',
    ],
    ['HA without endpoint', { defaultHa: 'kube-vip' }, '--default-ha: needs a control-plane endpoint'],
    ['a link without endpoint', { interface: 'eth0' }, '--interface: needs a control-plane endpoint'],
    [
      'a link that is none',
      { interface: 'a very long name', controlPlaneEndpoint: '192.0.2.100' },
      '--interface: "a very long name" is not a network link',
    ],
    [
      'a placeholder',
      { installPkgPath: '<path-to-package>' },
      '--install-pkg-path: "<path-to-package>" still is a placeholder',
    ],
    ['a package over FTP', { installPkgPath: 'ftp://x/y' }, '--install-pkg-path: "ftp://" cannot be fetched'],
    [
      'a public virtual address',
      { edgeVirtualAddr: '192.0.2.7' },
      '--edge-virtual-addr: "192.0.2.7" is not link-local, so it could be another host\'s',
    ],
    [
      'a metadata address',
      { edgeVirtualAddr: '169.254.169.254' },
      '--edge-virtual-addr: "169.254.169.254" is where clouds serve a machine\'s metadata',
    ],
    [
      'a virtual address among pods',
      { podNetworkCidr: '169.254.0.0/16' },
      'EdgeConfiguration virtualAddress: "169.254.20.11" lies in the pod network 169.254.0.0/16',
    ],
    [
      'a bad edge repository',
      { edgeImageRepository: 'Edge' },
      '--edge-image-repository: "Edge" is not an image repository',
    ],
  ])('%s', (_, flags, message) => {
    const error = errorOf(() => resolve(flags));
    expect(error.message).toBe(message);
    expect(error.exitCode).toBe(3);
    expect(error.hint).toBeTruthy();
  });

  it('of the host name say how to name the node', () => {
    const error = errorOf(() => resolve({}, { machine: { hostname: 'Edge_1' } }));
    expect(error.message).toMatch(/^host name: "edge_1" is not a node name/);
    expect(error.hint).toContain('--node-name edge-1');
  });

  it('can be overlaps that the user knows', () => {
    expect(() =>
      resolve({ podNetworkCidr: '192.0.0.0/16', ignorePreflightErrors: 'NodeNetwork' }),
    ).not.toThrow();
  });

  it('are told all at once, the first as the message', () => {
    const error = errorOf(() => resolve({ podNetworkCidr: 'x', serviceCidr: 'y', nodeName: 'Z_' }));
    expect(error.message).toMatch(/^--node-name/);
    expect(error.details).toEqual([
      expect.stringMatching(/^--service-cidr: "y"/),
      expect.stringMatching(/^--pod-network-cidr: "x"/),
    ]);
  });

  it('never show a secret', () => {
    const secret = 'SECRET.SECRETSECRETSECR';
    const text = `${init}bootstrapTokens: [{token: ${secret}}, {token: 1}]\ncertificateKey: ${'SECRET'.repeat(3)}\n`;
    for (const call of [
      () => resolve({ token: secret, certificateKey: secret, uploadCerts: true }),
      () => resolve({}, { text }),
      () => resolve({}, { text: text.replace(', {token: 1}', '') }),
    ]) {
      const error = errorOf(call);
      expect(JSON.stringify([error.message, error.details, error.hint])).not.toContain('SECRET');
    }
  });

  it.each<[string, string, string, string, string]>([
    [
      'an unknown field',
      `${cluster}networking: {podSubnt: x}\n`,
      'E_CONFIG_FIELD',
      'ClusterConfiguration networking.podSubnt: does not exist',
      'Did you mean podSubnet?',
    ],
    [
      'a field in another case',
      `${cluster}networking: {podsubnet: x}\n`,
      'E_CONFIG_FIELD',
      'ClusterConfiguration networking.podsubnet: does not exist',
      'Did you mean podSubnet?',
    ],
    [
      'a field far from any',
      `${cluster}dns: {resolver: x}\n`,
      'E_CONFIG_FIELD',
      'ClusterConfiguration dns.resolver: does not exist',
      'dns has the fields disabled, imageRepository, imageTag.',
    ],
    [
      'an unknown field in a list',
      `${init}bootstrapTokens: [{ttl: 1h}, {tt: 1h}]\n`,
      'E_CONFIG_FIELD',
      'InitConfiguration bootstrapTokens[1].tt: does not exist',
      'Did you mean ttl?',
    ],
    [
      'an edge field',
      `${edge}virtualAdress: 169.254.1.1\n`,
      'E_CONFIG_FIELD',
      'EdgeConfiguration virtualAdress: does not exist',
      'Did you mean virtualAddress?',
    ],
    [
      'a number for a text',
      `${cluster}kubernetesVersion: 1.36\n`,
      'E_CONFIG_INVALID',
      'ClusterConfiguration kubernetesVersion: 1.36 is not a text',
      'Put it in quotes: "1.36".',
    ],
    [
      'a text for a number',
      `${kubelet}maxPods: "40"\n`,
      'E_CONFIG_INVALID',
      'KubeletConfiguration maxPods: "40" is not a whole number',
      '',
    ],
    [
      'a list for a mapping',
      `${cluster}networking: []\n`,
      'E_CONFIG_INVALID',
      'ClusterConfiguration networking: a list is not a mapping',
      '',
    ],
    [
      'old arguments',
      `${cluster}apiServer: {extraArgs: {v: "4"}}\n`,
      'E_CONFIG_INVALID',
      'ClusterConfiguration apiServer.extraArgs: a mapping is not a list',
      'Since v1beta4 arguments are a list: `- name: v` and `value: "4"`.',
    ],
    [
      'a bad duration',
      `${init}timeouts: {discovery: 5 minutes}\n`,
      'E_CONFIG_INVALID',
      'InitConfiguration timeouts.discovery: "5 minutes" is not a duration',
      '',
    ],
    [
      'an argument without name',
      `${cluster}scheduler: {extraArgs: [{value: "4"}]}\n`,
      'E_CONFIG_INVALID',
      'ClusterConfiguration scheduler.extraArgs[0]: has no name',
      '',
    ],
    [
      'an argument with dashes',
      `${cluster}scheduler: {extraArgs: [{name: --v, value: "4"}]}\n`,
      'E_CONFIG_INVALID',
      'ClusterConfiguration scheduler.extraArgs[0].name: "--v" starts with a dash',
      'Write v.',
    ],
    [
      'two etcds',
      `${cluster}etcd: {local: {}, external: {endpoints: [https://a:2379]}}\n`,
      'E_CONFIG_INVALID',
      'ClusterConfiguration etcd: has both local and external',
      '',
    ],
    [
      'an etcd in the open',
      `${cluster}etcd: {external: {endpoints: [http://a:2379], caFile: /ca}}\n`,
      'E_CONFIG_INVALID',
      'ClusterConfiguration etcd.external.endpoints[0]: "http://a:2379" is not https, but certificates are given',
      '',
    ],
    [
      'an unknown algorithm',
      `${cluster}encryptionAlgorithm: RSA-1024\n`,
      'E_CONFIG_INVALID',
      'ClusterConfiguration encryptionAlgorithm: "RSA-1024" is not known',
      '',
    ],
    [
      'a bad taint',
      `${init}nodeRegistration: {taints: [{key: a, effect: Never}]}\n`,
      'E_CONFIG_INVALID',
      'InitConfiguration nodeRegistration.taints[0].effect: "Never" is not known',
      '',
    ],
    [
      'a bad token group',
      `${init}bootstrapTokens: [{groups: [users]}]\n`,
      'E_CONFIG_INVALID',
      'InitConfiguration bootstrapTokens[0].groups: "users" is not a group for bootstrap tokens',
      '',
    ],
    [
      'an addon that is a number',
      `${edge}addons: {tunnel: 1}\n`,
      'E_CONFIG_INVALID',
      'EdgeConfiguration addons.tunnel: 1 is neither true, false nor a mapping of settings',
      '',
    ],
    [
      'a setting of edge-health that is not valid',
      `${edge}addons: {edge-health: {minimumVotes: 0}}\n`,
      'E_CONFIG_INVALID',
      'EdgeConfiguration addons.edge-health.minimumVotes: 0 is not valid',
      'Write a whole number from 1 to 64.',
    ],
    [
      'votes that can never come',
      `${edge}addons: {edge-health: {minimumVotes: 3, peers: 2}}\n`,
      'E_CONFIG_INVALID',
      'EdgeConfiguration addons.edge-health.minimumVotes: 3 votes can never come, as only 2 peers probe a node',
      '',
    ],
    [
      'a label of sites that is none',
      `${edge}addons: {edge-health: {siteLabel: a/b/c}}\n`,
      'E_CONFIG_INVALID',
      'EdgeConfiguration addons.edge-health.siteLabel: "a/b/c" is not the key of a label',
      '',
    ],
    [
      'a setting that edge-health does not have',
      `${edge}addons: {edge-health: {sitelabel: x}}\n`,
      'E_CONFIG_FIELD',
      'EdgeConfiguration addons.edge-health.sitelabel: is not a setting of this addon',
      'Known: siteLabel, peers, probeSeconds, minimumVotes, lostPerMinute.',
    ],
    [
      'an unknown addon',
      `${edge}addons: {tunnle: false}\n`,
      'E_CONFIG_FIELD',
      'EdgeConfiguration addons.tunnle: is not an addon',
      'Did you mean tunnel?',
    ],
    [
      'a mirror that is none',
      `${edge}images: {mirrors: {docker.io: [mirror.example.org]}}\n`,
      'E_CONFIG_INVALID',
      'EdgeConfiguration images.mirrors.docker.io[0]: "mirror.example.org" is not a URL',
      '',
    ],
    [
      'a mirror with password',
      `${edge}images: {mirrors: {docker.io: ["https://me:pw@m"]}}\n`,
      'E_CONFIG_INVALID',
      'EdgeConfiguration images.mirrors.docker.io[0]: the URL holds a user name or password',
      '',
    ],
    [
      'an unknown CNI',
      `${edge}cni: {name: flanel}\n`,
      'E_CONFIG_INVALID',
      'EdgeConfiguration cni.name: "flanel" is not known',
      '',
    ],
    [
      'half a host',
      `${edge}node: {hosts: [{ip: 192.0.2.1}]}\n`,
      'E_CONFIG_INVALID',
      'EdgeConfiguration node.hosts[0]: needs both ip and names',
      '',
    ],
    [
      'a sysctl that is none',
      `${edge}node: {sysctls: {"a b": 1}}\n`,
      'E_CONFIG_INVALID',
      'EdgeConfiguration node.sysctls.a b: is not the name of a sysctl',
      '',
    ],
  ])('in a file: %s', (_, text, code, message, hint) => {
    const error = errorOf(() => resolve({}, { text, addonNames: ['tunnel', 'edge-health'] }));
    expect(error.message).toBe(`cluster.yaml: ${message}`);
    expect(error.code).toBe(code);
    if (hint !== '') expect(error.hint).toBe(hint);
  });
});
