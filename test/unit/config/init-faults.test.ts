import { describe, expect, it } from 'vitest';
import { init, resolve } from './init-support.ts';
import { errorOf } from './support.ts';

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

  it('of a key that still is a placeholder say how a key is given, not a package', () => {
    const error = errorOf(() => resolve({ packagePublicKey: '<key>' }));
    expect(error.message).toBe('--package-public-key: "<key>" still is a placeholder');
    expect(error.hint).toBe('Give a real file: --package-public-key ./key.pub');
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
});
