import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { discovery } from '../../../phases/checks/discovery.ts';
import { type FakeApiServer, startApiServer } from '../../fakes/apiserver.ts';
import { expectedHash } from '../../fakes/pki.ts';
import { healthyHost, joinSettings, look, manifest, network, token } from './support.ts';

let server: FakeApiServer;
beforeEach(async () => {
  server = await startApiServer();
  server.publishClusterInfo([token]);
  server.tokens[token] = 'bootstrap';
});
afterEach(() => server.close());

const hasty = (endpoint: string, change = {}) =>
  joinSettings({
    endpoint,
    token,
    tlsBootstrapToken: token,
    caCertHashes: [expectedHash(server.ca)],
    documents: [
      { apiVersion: 'kubeadm.k8s.io/v1beta4', kind: 'JoinConfiguration', timeouts: { discovery: '200ms' } },
    ],
    ...change,
  });
const found = async (change = {}, host = healthyHost()) =>
  (await look(discovery, host, hasty(server.endpoint, change), manifest())).map(
    ({ level, name }) => `${level} ${name}`,
  );

function clusterConfiguration(podSubnet: string) {
  const text = `kind: ClusterConfiguration\nnetworking:\n  podSubnet: ${podSubnet}\n  serviceSubnet: 10.96.0.0/12\n`;
  server.put({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'kubeadm-config', namespace: 'kube-system' },
    data: { ClusterConfiguration: text },
  });
}

function node(ready: string) {
  server.put({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'node-1' },
    status: { conditions: [{ type: 'Ready', status: ready }] },
  });
}

describe('discovery', () => {
  it('finds nothing wrong with a good cluster', async () => {
    clusterConfiguration('10.244.0.0/16');
    expect(await found()).toEqual([]);
  });

  it('names what is wrong as checks of their own', async () => {
    expect(await found({ caCertHashes: [`sha256:${'0'.repeat(64)}`] })).toEqual(['error CACertHash']);
    expect(await found({ token: 'zzzzzz.0123456789abcdef' })).toEqual(['error DiscoveryToken']);
    expect(await found({ token: 'abcdef.zzzzzzzzzzzzzzzz' })).toEqual(['error DiscoveryToken']);
    server.fail({ times: 1000, how: 'reset' });
    expect(await found()).toEqual(['error APIServerReachable']);
  });

  it('honours its deadline for an endpoint that does not answer', async () => {
    server.fail({ times: 1000, how: 'hang' });
    expect(await look(discovery, healthyHost(), hasty(server.endpoint))).toMatchObject([
      { name: 'APIServerReachable', message: expect.stringContaining('no answer from') },
    ]);
  });

  it.each([
    [0, []],
    [60_000, ['warning ClockSkew']],
    [-3600_000, ['error ClockSkew']],
    [3600_000, ['error ClockSkew']],
  ])('measures a clock that is %i ms behind', async (skew, expected) => {
    server.clockSkewMs = skew;
    expect(await found()).toEqual(expected);
  });

  it('measures the clock of the host, not of this process', async () => {
    const host = healthyHost().reply('date', { stdout: '86400.5\n' });
    expect(await found({}, host)).toEqual(['error ClockSkew']);
  });

  it('reports the clock beside another failure', async () => {
    server.clockSkewMs = 7200_000;
    expect(await found({ caCertHashes: ['sha256:0'] })).toEqual(['error CACertHash', 'error ClockSkew']);
  });

  it('knows a node name that is taken', async () => {
    node('True');
    expect(await found()).toEqual(['error NodeName']);
    node('Unknown');
    expect(await found()).toEqual(['warning NodeName']);
  });

  it('does not mind what it may not ask', async () => {
    node('True');
    server.tokens = {};
    expect(await found()).toEqual([]);
  });

  it("compares the cluster's networks with the host's", async () => {
    clusterConfiguration('192.168.0.0/16');
    const host = network(healthyHost(), [['eth0', '192.168.7.20', 24]], [['default', 'eth0']]);
    expect(await found({}, host)).toEqual(['error CIDROverlap']);
  });

  it('compares versions', async () => {
    server.version = 'v1.35.4';
    expect(await found()).toEqual(['error KubernetesVersion']);
  });

  it('reads a discovery file of the host', async () => {
    const file = { discoveryFile: '/root/cluster.conf', endpoint: undefined, token: undefined };
    const host = healthyHost({ files: { '/root/cluster.conf': server.kubeconfig({ anonymous: true }) } });
    expect(await found(file, host)).toEqual([]);
    expect(await found(file)).toEqual(['error APIServerReachable']);
  });

  it('asks nobody once the node has joined', async () => {
    const host = healthyHost();
    await host.once('kubeadm-join', '', async () => {});
    expect(await found({ token: 'zzzzzz.0123456789abcdef' }, host)).toEqual([]);
    expect(server.requests).toHaveLength(0);
  });

  it('does not take its own node for another in the middle of a run', async () => {
    node('True');
    const host = healthyHost().fail('work:kubeadm-join', new Error('killed'));
    await host.once('kubeadm-join', '', async () => {}).catch(() => {});
    expect(host.state('kubeadm-join')).toBe('started');
    expect(await found({}, host)).toEqual([]);
  });
});
