import { describe, expect, it } from 'vitest';
import { findDocument } from '../../../src/config/documents.ts';
import type { KubeDocument } from '../../../src/config/types.ts';
import {
  clusterNetworks,
  initConfig,
  joinConfig,
  joinFactsOf,
} from '../../../src/playground/cluster-config.ts';

const kubeadm = 'kubeadm.k8s.io/v1beta4';
const where = { subnet: '10.120.0.0/24', controlPlanes: 1, address: '10.120.0.11' };
const facts = {
  endpoint: '10.120.0.5:6443',
  token: 'abcdef.0123456789abcdef',
  caCertHash: 'sha256:00',
  certificateKey: 'ff',
};

const secrets = { token: 'abcdef.0123456789abcdef', certificateKey: 'ff'.repeat(32) };

describe('configuration of a playground cluster', () => {
  it('keeps the kubelet from cleaning up on a fuller disk', () => {
    expect(findDocument(initConfig([], where, secrets), 'KubeletConfiguration')).toMatchObject({
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      imageGCHighThresholdPercent: 100,
      evictionHard: { 'nodefs.available': '1%' },
    });
  });
  it('makes a cluster of throw-away data quick', () => {
    const cluster = (own: object, apiVersion = kubeadm) =>
      findDocument(
        initConfig([{ apiVersion, kind: 'ClusterConfiguration', ...own }], where, secrets),
        'ClusterConfiguration',
      );
    expect(cluster({})).toMatchObject({
      encryptionAlgorithm: 'ECDSA-P256',
      etcd: { local: { extraArgs: [{ name: 'unsafe-no-fsync', value: 'true' }] } },
    });
    const mine = {
      encryptionAlgorithm: 'RSA-2048',
      apiServer: { extraEnvs: [] },
      etcd: { local: { extraArgs: [{ name: 'unsafe-no-fsync', value: 'false' }] } },
    };
    expect(cluster(mine)).toMatchObject(mine);
    const external = { etcd: { external: { endpoints: ['https://192.0.2.1:2379'] } } };
    expect(cluster(external)?.etcd).toEqual(external.etcd);
    const old = 'kubeadm.k8s.io/v1beta3';
    expect(cluster({}, old)).toEqual({ apiVersion: old, kind: 'ClusterConfiguration' });
  });
  it('leaves what the user says as it is', () => {
    const mine: KubeDocument[] = [
      {
        apiVersion: 'kubelet.config.k8s.io/v1beta1',
        kind: 'KubeletConfiguration',
        imageGCHighThresholdPercent: 90,
        maxPods: 20,
      },
      { apiVersion: kubeadm, kind: 'InitConfiguration', localAPIEndpoint: { bindPort: 7443 } },
      {
        apiVersion: kubeadm,
        kind: 'ClusterConfiguration',
        controlPlaneEndpoint: 'api.example:6443',
        clusterName: 'x',
      },
    ];
    const before = structuredClone(mine);
    const result = initConfig(mine, { ...where, controlPlanes: 3 }, secrets);
    expect(findDocument(result, 'KubeletConfiguration')).toMatchObject({
      imageGCHighThresholdPercent: 90,
      maxPods: 20,
      imageGCLowThresholdPercent: 99,
    });
    expect(findDocument(result, 'ClusterConfiguration')).toMatchObject({
      controlPlaneEndpoint: 'api.example:6443',
      clusterName: 'x',
    });
    expect(findDocument(result, 'InitConfiguration')).toMatchObject({
      localAPIEndpoint: { bindPort: 7443, advertiseAddress: '10.120.0.11' },
    });
    expect(mine).toEqual(before);
  });
  it('has a virtual IP only with several control planes', () => {
    const one = findDocument(initConfig([], where, secrets), 'ClusterConfiguration');
    expect(one).not.toHaveProperty('controlPlaneEndpoint');
    expect(
      findDocument(initConfig([], { ...where, controlPlanes: 3 }, secrets), 'ClusterConfiguration'),
    ).toMatchObject({ controlPlaneEndpoint: '10.120.0.5:6443' });
  });
  it("of a join skips what a node has done already, besides the user's own", () => {
    const mine = [{ apiVersion: kubeadm, kind: 'JoinConfiguration', skipPhases: ['preflight'] }];
    const node = { controlPlane: false, address: '10.120.0.21', skipPhases: ['package'] };
    expect(joinConfig(mine, undefined, node)).toEqual([{ ...mine[0], skipPhases: ['preflight', 'package'] }]);
  });
  it('of a join has the token, and the certificate key only for a control plane', () => {
    const worker = joinConfig([], facts, { controlPlane: false, address: '10.120.0.21' });
    expect(worker).toEqual([
      {
        apiVersion: kubeadm,
        kind: 'JoinConfiguration',
        discovery: {
          bootstrapToken: {
            apiServerEndpoint: '10.120.0.5:6443',
            token: facts.token,
            caCertHashes: ['sha256:00'],
          },
        },
      },
    ]);
    const edge = joinConfig([], facts, { controlPlane: false, address: '10.120.0.101', site: 'site-1' });
    expect(edge[0]).toMatchObject({
      nodeRegistration: { kubeletExtraArgs: [{ name: 'node-labels', value: 'superedge.io/site=site-1' }] },
    });
    expect(joinConfig([], facts, { controlPlane: true, address: '10.120.0.12' })[0]).toMatchObject({
      controlPlane: { certificateKey: 'ff', localAPIEndpoint: { advertiseAddress: '10.120.0.12' } },
    });
  });
  it('of a join leaves out what only init may have', () => {
    const documents = ['ClusterConfiguration', 'InitConfiguration'].map((kind) => ({
      apiVersion: kubeadm,
      kind,
    }));
    const edge = {
      apiVersion: 'edgeadm.superedge.io/v1alpha1',
      kind: 'EdgeConfiguration',
      virtualAddress: '169.254.20.12',
    };
    const result = joinConfig([...documents, edge], facts, { controlPlane: false, address: '10.120.0.101' });
    expect(result.map(({ kind }) => kind)).toEqual(['EdgeConfiguration', 'JoinConfiguration']);
  });
});

describe('networks of the cluster', () => {
  it("are the given ones, and kubeadm's", () => {
    const cluster = {
      apiVersion: kubeadm,
      kind: 'ClusterConfiguration',
      networking: { podSubnet: '10.120.0.0/20, fd00::/56' },
    };
    expect(clusterNetworks([cluster])).toEqual([
      '10.120.0.0/20',
      'fd00::/56',
      '10.244.0.0/16',
      '10.96.0.0/12',
    ]);
  });
  it('that are no CIDR are an error with the field', () => {
    const cluster = {
      apiVersion: kubeadm,
      kind: 'ClusterConfiguration',
      networking: { serviceSubnet: '10.96.0.0' },
    };
    expect(() => clusterNetworks([cluster])).toThrow(
      expect.objectContaining({
        code: 'E_CONFIG_INVALID',
        message: expect.stringContaining('networking.serviceSubnet'),
      }),
    );
  });
});

describe('how nodes join', () => {
  const facts = (documents: KubeDocument[], controlPlanes = 1) =>
    joinFactsOf(initConfig(documents, { ...where, controlPlanes }, secrets), 'sha256:00', {
      address: where.address,
      controlPlanes,
    });
  it('is known from the configuration of init', () => {
    expect(facts([])).toEqual({
      endpoint: '10.120.0.11:6443',
      token: secrets.token,
      caCertHash: 'sha256:00',
    });
    expect(facts([], 3)).toEqual({
      endpoint: '10.120.0.5:6443',
      token: secrets.token,
      caCertHash: 'sha256:00',
      certificateKey: secrets.certificateKey,
    });
  });
  it("follows the user's own port, endpoint and token", () => {
    const init = {
      apiVersion: kubeadm,
      kind: 'InitConfiguration',
      localAPIEndpoint: { bindPort: 7443 },
      bootstrapTokens: [{ token: 'aaaaaa.0000000000000000' }],
    };
    const cluster = {
      apiVersion: kubeadm,
      kind: 'ClusterConfiguration',
      controlPlaneEndpoint: 'api.example:8443',
    };
    expect(facts([init])).toMatchObject({ endpoint: '10.120.0.11:7443', token: 'aaaaaa.0000000000000000' });
    expect(facts([init, cluster])).toMatchObject({ endpoint: 'api.example:8443' });
  });
  it('is left to init where it is not plain', () => {
    const cluster = {
      apiVersion: kubeadm,
      kind: 'ClusterConfiguration',
      controlPlaneEndpoint: 'api.example',
    };
    const init = {
      apiVersion: kubeadm,
      kind: 'InitConfiguration',
      bootstrapTokens: [{ token: 'aaaaaa.0000000000000000', usages: ['signing'] }],
    };
    expect(facts([cluster])).toBeUndefined();
    expect(facts([init])).toBeUndefined();
  });
});
