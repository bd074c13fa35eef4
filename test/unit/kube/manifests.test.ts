import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { flannelNetwork, flannelObjects } from '../../../src/kube/flannel.ts';
import { loadManifests, manifestNames, unknownManifests } from '../../../src/kube/manifests.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'edgeadm-manifests-'));
});
afterEach(() => rm(directory, { recursive: true }));

describe('loadManifests', () => {
  it('reads the built-in documents', async () => {
    const kinds = (await loadManifests('cni/flannel')).map(({ kind }) => kind);
    expect(kinds).toEqual([
      'Namespace',
      'ServiceAccount',
      'ClusterRole',
      'ClusterRoleBinding',
      'ConfigMap',
      'DaemonSet',
    ]);
    expect(await manifestNames()).toContain('cni/flannel');
  });

  it.each(['cni/flannel.yaml', 'flannel.yaml'])('lets %s of the user replace it', async (file) => {
    await mkdir(join(directory, 'cni'));
    await writeFile(
      join(directory, file),
      '---\n\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: mine}\n',
    );
    expect(await loadManifests('cni/flannel', { manifestsDir: directory })).toEqual([
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'mine' } },
    ]);
  });

  it('names file and document of what is no object', async () => {
    await writeFile(join(directory, 'flannel.yaml'), 'apiVersion: v1\nkind: X\n---\nhello: world\n');
    await expect(loadManifests('cni/flannel', { manifestsDir: directory })).rejects.toMatchObject({
      code: 'E_CONFIG_INVALID',
      message: expect.stringContaining('flannel.yaml: document 2'),
    });
  });

  it('reports files that replace nothing', async () => {
    for (const file of ['flannel.yaml', 'flanel.yaml', 'notes.txt'])
      await writeFile(join(directory, file), '');
    expect(await unknownManifests(directory)).toEqual(['flanel.yaml']);
    await expect(unknownManifests(join(directory, 'nowhere'))).rejects.toMatchObject({
      code: 'E_CONFIG_INVALID',
    });
  });

  it('puts values into strings, keeps their type, and cannot be made to change the structure', async () => {
    const lines = [
      'apiVersion: v1',
      'kind: X',
      'port: $port',
      'url: "http://$host:$port/$other"',
      'list: ["$host"]',
    ];
    const text = lines.join('\n').replace(/\$(\w+)/g, (_, name) => `\${${name}}`);
    await writeFile(join(directory, 'flannel.yaml'), text);
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.integer(), async (host, port) => {
        const [object] = await loadManifests('cni/flannel', {
          manifestsDir: directory,
          values: { host, port },
        });
        expect(object).toEqual({
          apiVersion: 'v1',
          kind: 'X',
          port,
          url: `http://${host}:${port}/\${other}`,
          list: [host],
        });
      }),
      { numRuns: 50 },
    );
  });
});

describe('flannel', () => {
  const configOf = async (settings: Parameters<typeof flannelObjects>[0]) => {
    const map = (await flannelObjects(settings)).find(({ kind }) => kind === 'ConfigMap');
    return JSON.parse((map!.data as Record<string, string>)['net-conf.json']!);
  };

  it('gets the pod networks of either family', () => {
    expect(flannelNetwork({ podSubnet: '10.8.0.0/14', backend: 'vxlan' })).toEqual({
      EnableIPv4: true,
      Network: '10.8.0.0/14',
      Backend: { Type: 'vxlan' },
    });
    expect(flannelNetwork({ podSubnet: 'fd00:1::/48,10.8.0.0/14', backend: 'host-gw' })).toEqual({
      EnableIPv4: true,
      Network: '10.8.0.0/14',
      EnableIPv6: true,
      IPv6Network: 'fd00:1::/48',
      Backend: { Type: 'host-gw' },
    });
    expect(flannelNetwork({ podSubnet: 'fd00:1::/48', backend: 'vxlan' })).toMatchObject({
      EnableIPv4: false,
      EnableIPv6: true,
    });
  });

  it.each(['', '10.244.0.0', 'pods', '10.244.0.0/16,'])('refuses the pod network "%s"', (podSubnet) => {
    expect(() => flannelNetwork({ podSubnet, backend: 'vxlan' })).toThrow('as a CIDR');
  });

  it('gets backend settings, link and image', async () => {
    const settings = {
      podSubnet: '10.8.0.0/16',
      backend: 'vxlan',
      vni: 7,
      port: 4789,
      mtu: 1380,
      interface: 'eth1',
      image: 'registry.local/flannel:v0.26.7',
    } as const;
    expect((await configOf(settings)).Backend).toEqual({ Type: 'vxlan', VNI: 7, Port: 4789, MTU: 1380 });
    const set = (await flannelObjects(settings)).find(({ kind }) => kind === 'DaemonSet');
    const { spec } = (set!.spec as { template: { spec: { containers: { args: string[] }[] } } }).template;
    expect(spec.containers[0]?.args).toEqual(['--ip-masq', '--kube-subnet-mgr', '--iface=eth1']);
    expect(JSON.stringify(spec).match(/registry.local\/flannel:v0.26.7/g)).toHaveLength(1);
    expect((await configOf({ ...settings, backend: 'host-gw' })).Backend).toEqual({
      Type: 'host-gw',
      MTU: 1380,
    });
  });

  it.each([
    ['10.0.0.1:6443', '10.0.0.1', '6443'],
    ['[fd00::1]:8443', 'fd00::1', '8443'],
    ['cluster.example.org', 'cluster.example.org', '6443'],
  ])('asks the API server %s without waiting for kube-proxy', async (apiServer, host, port) => {
    const objects = await flannelObjects({ podSubnet: '10.8.0.0/16', backend: 'vxlan', apiServer });
    const set = objects.find(({ kind }) => kind === 'DaemonSet');
    const { spec } = (set!.spec as { template: { spec: { containers: { env: object[] }[] } } }).template;
    expect(spec.containers[0]?.env).toEqual(
      expect.arrayContaining([
        { name: 'KUBERNETES_SERVICE_HOST', value: host },
        { name: 'KUBERNETES_SERVICE_PORT', value: port },
      ]),
    );
  });

  it("keeps what a user's own file sets beside it", async () => {
    const network = {
      Network: '10.0.0.0/8',
      SubnetLen: 26,
      EnableNFTables: true,
      Backend: { Type: 'vxlan', DirectRouting: true },
    };
    const map = { apiVersion: 'v1', kind: 'ConfigMap', data: { 'net-conf.json': JSON.stringify(network) } };
    await writeFile(join(directory, 'flannel.yaml'), JSON.stringify(map));
    expect(await configOf({ podSubnet: '10.8.0.0/16', backend: 'vxlan', manifestsDir: directory })).toEqual({
      EnableIPv4: true,
      Network: '10.8.0.0/16',
      SubnetLen: 26,
      EnableNFTables: true,
      Backend: { Type: 'vxlan', DirectRouting: true },
    });
  });

  it('runs with the rights it needs and no more', async () => {
    const role = (await flannelObjects({ podSubnet: '10.8.0.0/16', backend: 'vxlan' })).find(
      ({ kind }) => kind === 'ClusterRole',
    );
    expect(role?.rules).toEqual([
      { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: [''], resources: ['nodes/status'], verbs: ['patch'] },
    ]);
  });
});
