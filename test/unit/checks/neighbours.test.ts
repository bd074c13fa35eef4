import { describe, expect, it } from 'vitest';
import { existingCluster } from '../../../phases/checks/existing-cluster.ts';
import { advertiseAddress, cidrOverlap, defaultRoute } from '../../../phases/checks/network.ts';
import { docker, otherKubernetes } from '../../../phases/checks/other-software.ts';
import { ports } from '../../../phases/checks/ports.ts';
import { resolvConf } from '../../../phases/checks/resolv-conf.ts';
import { containerRuntime } from '../../../phases/checks/runtime.ts';
import { firewalld, selinux, ufw } from '../../../phases/checks/security.ts';
import type { FakeHost } from '../../fakes/host.ts';
import { activate, healthyHost, initSettings, joinSettings, look, network } from './support.ts';

const names = (findings: { level: string; name: string }[]) =>
  findings.map(({ level, name }) => `${level} ${name}`);
const made = async (host: FakeHost, command: 'init' | 'join') => {
  await host.once(`kubeadm-${command}`, '', async () => {});
  return host;
};

describe('ports', () => {
  const listening = (...sockets: [number, number][]) => {
    const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, '0');
    const lines = sockets.map(
      ([port, inode], index) =>
        `   ${index}: 0100007F:${hex(port)} 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0000`,
    );
    const established = `   9: 0100007F:${hex(6443)} 0100007F:9999 01 00000000:00000000 00:00000000 00000000 0 0 77 1 0000`;
    return `  sl  local_address rem_address   st tx_queue\n${[...lines, established].join('\n')}\n`;
  };
  const host = (
    sockets: [number, number][],
    owners: Record<number, [number, string]> = {},
    file = '/proc/net/tcp',
  ) => {
    const comms = Object.values(owners).map(([pid, program]) => [`/proc/${pid}/comm`, `${program}\n`]);
    const found = healthyHost({ files: { [file]: listening(...sockets), ...Object.fromEntries(comms) } });
    const lines = Object.entries(owners).map(([inode, [pid]]) => `/proc/${pid}/fd/7 socket:[${inode}]`);
    return found.reply('find /proc', { stdout: `${lines.join('\n')}\n`, exitCode: 1 });
  };

  it('says which program has one', async () => {
    const taken = host([[6443, 4711]], { 4711: [321, 'nginx'] });
    expect(await look(ports, taken, initSettings())).toMatchObject([
      {
        level: 'error',
        name: 'Port-6443',
        message: 'port 6443, which kube-apiserver needs, is in use by nginx (pid 321)',
      },
    ]);
    expect(taken.lines.at(-1)).toContain('4711');
  });

  it('finds IPv6 listeners, and those of other namespaces', async () => {
    const taken = host([[2379, 5]], {}, '/proc/net/tcp6');
    expect(await look(ports, taken, initSettings())).toMatchObject([
      { name: 'Port-2379', message: expect.stringContaining('outside this view') },
    ]);
  });

  it('looks at the ports of the role and configuration only', async () => {
    const all: [number, number][] = [6443, 7443, 10259, 10257, 2379, 2380, 10250, 80].map((port, index) => [
      port,
      index + 1,
    ]);
    expect(names(await look(ports, host(all), joinSettings()))).toEqual(['error Port-10250']);
    expect(names(await look(ports, host(all), initSettings({ bindPort: 7443 })))).not.toContain(
      'error Port-6443',
    );
    const external = [
      { apiVersion: 'kubeadm.k8s.io/v1beta4', kind: 'ClusterConfiguration', etcd: { external: {} } },
    ];
    expect(names(await look(ports, host(all), initSettings({ documents: external })))).not.toContain(
      'error Port-2379',
    );
  });

  it("has the edge node's own, when it gets the proxy", async () => {
    const taken = host([[51003, 1]]);
    const { edge } = joinSettings();
    const without = { ...edge, addons: { 'lite-apiserver': { enabled: false, settings: {} } } };
    expect(names(await look(ports, taken, joinSettings()))).toEqual(['error Port-51003']);
    expect(names(await look(ports, taken, joinSettings({ edge: without })))).toEqual([]);
    expect(names(await look(ports, taken, joinSettings({ edge: { ...edge, enabled: false } })))).toEqual([]);
    // The kernel keeps 15 characters of a program's name.
    const ours = await made(host([[51003, 1]], { 1: [11, 'edgeadm lite-ap'] }), 'join');
    expect(names(await look(ports, ours, joinSettings()))).toEqual([]);
  });

  it('lets our own components be, and nobody else', async () => {
    const sockets: [number, number][] = [
      [6443, 1],
      [10257, 2],
      [2379, 3],
    ];
    const owners: Record<number, [number, string]> = {
      1: [11, 'kube-apiserver'],
      2: [12, 'kube-controller'],
      3: [13, 'nginx'],
    };
    const ours = await made(host(sockets, owners), 'init');
    expect(names(await look(ports, ours, initSettings()))).toEqual(['error Port-2379']);
  });
});

describe('an existing cluster', () => {
  it('is found by its files, with kubeadm names', async () => {
    const files = {
      '/etc/kubernetes/manifests/kube-apiserver.yaml': '',
      '/etc/kubernetes/kubelet.conf': '',
      '/etc/kubernetes/pki/ca.crt': '',
      '/var/lib/etcd/member/snap/db': '',
    };
    expect(names(await look(existingCluster, healthyHost({ files }), initSettings()))).toEqual([
      'error FileAvailable--etc-kubernetes-manifests-kube-apiserver.yaml',
      'error DirAvailable--var-lib-etcd',
    ]);
    expect(names(await look(existingCluster, healthyHost({ files }), joinSettings()))).toEqual([
      'error FileAvailable--etc-kubernetes-kubelet.conf',
      'error FileAvailable--etc-kubernetes-pki-ca.crt',
    ]);
  });

  it('is found by a running kubelet', async () => {
    expect(
      names(await look(existingCluster, activate(healthyHost(), 'kubelet.service'), joinSettings())),
    ).toEqual(['error ExistingCluster']);
  });

  it('may be our own, if the command is the same', async () => {
    const files = { '/etc/kubernetes/manifests/etcd.yaml': '', '/var/lib/etcd/member': '' };
    expect(await look(existingCluster, await made(healthyHost({ files }), 'init'), initSettings())).toEqual(
      [],
    );
    const joined = await made(healthyHost(), 'join');
    expect(await look(existingCluster, joined, initSettings())).toMatchObject([
      { level: 'error', fix: expect.stringContaining('edgeadm reset') },
    ]);
    expect(await look(existingCluster, await made(healthyHost(), 'init'), joinSettings())).toMatchObject([
      { level: 'error' },
    ]);
  });
});

describe('other software', () => {
  it('must not be another Kubernetes that runs', async () => {
    const host = activate(activate(healthyHost(), 'k3s.service'), 'k0sworker.service', false);
    expect(names(await look(otherKubernetes, host, initSettings()))).toEqual([
      'error OtherKubernetes',
      'warning OtherKubernetes',
    ]);
  });

  it('may be Docker', async () => {
    expect(names(await look(docker, activate(healthyHost(), 'docker.service'), initSettings()))).toEqual([
      'warning Docker',
    ]);
  });

  describe('containerd', () => {
    const running = (config: string) =>
      activate(healthyHost(), 'containerd.service').reply('containerd config dump', { stdout: config });

    it('is used when it can serve Kubernetes', async () => {
      const host = running('version = 3\ndisabled_plugins = []\nSystemdCgroup = true\n');
      expect(names(await look(containerRuntime, host, initSettings()))).toEqual(['warning CRI']);
    });

    it.each([
      ['older', 'version = 2\nSystemdCgroup = true\n', 'older than 2.0'],
      [
        'without CRI, as Docker installs it',
        'version = 3\ndisabled_plugins = ["cri"]\nSystemdCgroup = true\n',
        'CRI plugin is disabled',
      ],
      ['with the wrong cgroup driver', 'version = 3\nSystemdCgroup = false\n', 'SystemdCgroup is not true'],
    ])('is refused when it is %s', async (_, config, text) => {
      expect(await look(containerRuntime, running(config), initSettings())).toMatchObject([
        { level: 'error', name: 'CRI', message: expect.stringContaining(text) },
      ]);
    });

    it('may be ours', async () => {
      const host = running('version = 2\n');
      await host.remember('containerd', 'ours');
      expect(await look(containerRuntime, host, initSettings())).toEqual([]);
    });

    it('must be there with --ignore-runtime', async () => {
      const settings = initSettings();
      const ignoring = {
        ...settings,
        edge: { ...settings.edge, runtime: { ...settings.edge.runtime, ignore: true } },
      };
      expect(await look(containerRuntime, healthyHost(), ignoring)).toMatchObject([
        { level: 'error', message: expect.stringContaining('.sock') },
      ]);
      const socket = ignoring.criSocket.replace('unix://', '');
      expect(await look(containerRuntime, healthyHost({ files: { [socket]: '' } }), ignoring)).toEqual([]);
    });

    it('had a configuration, which is replaced for a while', async () => {
      const host = healthyHost({ files: { '/etc/containerd/config.toml': 'version = 2\n' } });
      expect(await look(containerRuntime, host, initSettings())).toMatchObject([
        { level: 'warning', fix: expect.stringContaining('reset') },
      ]);
    });
  });

  it('may be a firewall, whose ports are opened', async () => {
    const host = activate(
      healthyHost({ files: { '/etc/ufw/ufw.conf': '# x\nENABLED=yes\n' } }),
      'firewalld.service',
    );
    const text = 'opens TCP 2379, 2380, 6443, 8132, 10250, 10257, 10259 and UDP 8472';
    expect(await look(firewalld, host, initSettings())).toMatchObject([
      { level: 'warning', fix: expect.stringContaining(text) },
    ]);
    const settings = joinSettings();
    const manual = {
      ...settings,
      edge: { ...settings.edge, node: { ...settings.edge.node, firewall: false } },
    };
    expect(await look(ufw, host, manual)).toMatchObject([
      { level: 'warning', fix: expect.stringContaining('Open TCP 10250') },
    ]);
  });

  it('may be SELinux', async () => {
    expect(
      await look(selinux, healthyHost({ files: { '/sys/fs/selinux/enforce': '1' } }), initSettings()),
    ).toMatchObject([{ level: 'warning' }]);
    expect(
      await look(selinux, healthyHost({ files: { '/sys/fs/selinux/enforce': '0' } }), initSettings()),
    ).toEqual([]);
  });
});

describe('network', () => {
  const isolated = () =>
    network(
      healthyHost(),
      [
        ['lo', '127.0.0.1', 8],
        ['eth0', '192.168.7.20', 24],
        ['eth0', 'fe80::1', 64],
      ],
      [['192.168.7.0/24', 'eth0']],
    );

  it('without a default route needs an advertise address and a link for flannel', async () => {
    const findings = await look(defaultRoute, isolated(), initSettings());
    expect(names(findings)).toEqual(['error DefaultRoute', 'error DefaultRoute']);
    expect(findings[0]?.fix).toContain(
      '--apiserver-advertise-address with an address of this host (192.168.7.20)',
    );
    expect(findings[1]?.fix).toContain('links here: eth0');
    expect(names(await look(defaultRoute, isolated(), joinSettings()))).toEqual(['warning DefaultRoute']);
    const settings = initSettings({ advertiseAddress: '192.168.7.20' });
    const cni = { ...settings.edge.cni, flannel: { ...settings.edge.cni.flannel, interface: 'eth0' } };
    expect(await look(defaultRoute, isolated(), { ...settings, edge: { ...settings.edge, cni } })).toEqual(
      [],
    );
  });

  it.each([
    ['192.168.7.20', 0],
    ['192.168.7.21', 1],
    ['127.0.0.1', 1],
    ['::1', 1],
    ['fd00::1', 1],
  ])('advertises %s', async (address, count) => {
    expect(
      await look(advertiseAddress, isolated(), initSettings({ advertiseAddress: address })),
    ).toHaveLength(count);
  });

  it('compares IPv6 addresses by value', async () => {
    const host = network(healthyHost(), [['eth0', 'fd00:0:0::20', 64]], [['default', 'eth0']]);
    expect(await look(advertiseAddress, host, initSettings({ advertiseAddress: 'fd00::0020' }))).toEqual([]);
  });

  it.each([
    ['apart', '10.244.0.0/16', '10.96.0.0/12', []],
    [
      'pods on the link',
      '192.168.0.0/16',
      '10.96.0.0/12',
      ['the pod network 192.168.0.0/16 overlaps with 192.168.7.0/24, the network of link eth0'],
    ],
    [
      'services behind a route',
      '10.244.0.0/16',
      '172.20.0.0/14',
      ['the Service network 172.20.0.0/14 overlaps with 172.21.0.0/24, a route by tun0'],
    ],
    [
      'second family',
      '10.244.0.0/16,fd00:7::/48',
      '10.96.0.0/12',
      ['the pod network fd00:7::/48 overlaps with fd00:7::/64, a route by eth0'],
    ],
  ])('networks: %s', async (_, podSubnet, serviceSubnet, messages) => {
    const host = network(
      healthyHost(),
      [
        ['lo', '127.0.0.1', 8],
        ['eth0', '192.168.7.20', 24],
        ['cni0', '10.244.0.1', 24],
      ],
      [
        ['default', 'eth0'],
        ['172.21.0.0/24', 'tun0'],
        ['10.244.1.0/24', 'flannel.1'],
        ['fd00:7::/64', 'eth0'],
        ['fe80::/64', 'eth0'],
      ],
    );
    const findings = await look(cidrOverlap, host, initSettings({ podSubnet, serviceSubnet }));
    expect(findings.map(({ message }) => message)).toEqual(messages);
  });

  it('ignores routes of its own pod network on a second run', async () => {
    const host = network(healthyHost(), [['eth0', '192.168.7.20', 24]], [['10.244.1.0/24', 'eth0']]);
    expect(await look(cidrOverlap, host, initSettings())).toHaveLength(1);
    expect(await look(cidrOverlap, await made(host, 'init'), initSettings())).toEqual([]);
  });
});

describe('resolv.conf', () => {
  const files = (etc: string | undefined, resolved?: string) => ({
    '/etc/resolv.conf': etc,
    ...(resolved !== undefined && { '/run/systemd/resolve/resolv.conf': resolved }),
  });
  const stub = 'nameserver 127.0.0.53\n';

  it('must not send CoreDNS to itself', async () => {
    const host = healthyHost({ files: files(stub, 'nameserver 192.0.2.1\n') });
    expect(await look(resolvConf, host, initSettings())).toMatchObject([
      { level: 'warning', message: expect.stringContaining('Loop') },
    ]);
    expect(await look(resolvConf, activate(host, 'systemd-resolved.service'), initSettings())).toEqual([]);
  });

  it.each([
    ['is missing', undefined, 'there is no /etc/resolv.conf'],
    ['names nobody', 'search example\n', 'names no name server'],
  ])('%s', async (_, text, message) => {
    expect(await look(resolvConf, healthyHost({ files: files(text) }), initSettings())).toMatchObject([
      { level: 'warning', message: expect.stringContaining(message) },
    ]);
  });

  it('may be chosen for the kubelet', async () => {
    const documents = [
      {
        apiVersion: 'kubelet.config.k8s.io/v1beta1',
        kind: 'KubeletConfiguration',
        resolvConf: '/etc/k8s-resolv.conf',
      },
    ];
    const host = healthyHost({ files: { ...files(stub), '/etc/k8s-resolv.conf': 'nameserver 9.9.9.9\n' } });
    expect(await look(resolvConf, host, initSettings({ documents }))).toEqual([]);
  });
});
