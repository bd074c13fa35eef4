import { describe, expect, it } from 'vitest';
import { privilegedUser, writeAccess } from '../../../phases/checks/access.ts';
import { clock, timeSync } from '../../../phases/checks/clock.ts';
import { diskSpace } from '../../../phases/checks/disk.ts';
import { hostname } from '../../../phases/checks/hostname.ts';
import { dummyLink, kernelModules } from '../../../phases/checks/kernel-modules.ts';
import { manifestsDir } from '../../../phases/checks/manifests-dir.ts';
import { cpus, memory } from '../../../phases/checks/resources.ts';
import { swap } from '../../../phases/checks/swap.ts';
import { architecture, cgroups, kernelVersion } from '../../../phases/checks/system.ts';
import { iptablesBackend, tools } from '../../../phases/checks/tools.ts';
import { kubernetesVersion, skewFindings } from '../../../phases/checks/versions.ts';
import { activate, healthyHost, initSettings, joinSettings, look, manifest } from './support.ts';

const kubelet = (fields: object) => ({
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  ...fields,
});

describe('access', () => {
  it('needs root', async () => {
    const host = healthyHost().reply('id -u', { stdout: '1000\n' });
    expect(await look(privilegedUser, host, initSettings())).toMatchObject([
      { level: 'error', message: expect.stringContaining('1000') },
    ]);
    expect(await look(writeAccess, host, initSettings())).toEqual([]);
  });

  it('finds a read-only /etc, and what it is mounted from', async () => {
    const mounts = '/dev/sda1 / ext4 rw 0 0\n/dev/mmcblk0p2 /etc ext4 ro,relatime 0 0\n';
    const host = healthyHost({ files: { '/proc/self/mounts': mounts } }).reply('test -w /etc', {
      exitCode: 1,
    });
    expect(await look(writeAccess, host, initSettings())).toMatchObject([
      { level: 'error', message: '/etc is read-only (ext4 /dev/mmcblk0p2 on /etc)' },
    ]);
  });

  it('looks above directories that are not there yet', async () => {
    const host = healthyHost({ files: { '/opt/hello': undefined } });
    await look(writeAccess, host, initSettings());
    expect(host.lines).toContain('test -w /');
  });
});

describe('system', () => {
  it.each([
    ['x86_64', 'amd64', 0],
    ['aarch64', 'arm64', 0],
    ['x86_64', 'arm64', 1],
    ['riscv64', 'amd64', 1],
  ] as const)('a %s host and a package for %s', async (machine, arch, count) => {
    const host = healthyHost().reply('uname -m', { stdout: `${machine}\n` });
    expect(await look(architecture, host, initSettings(), manifest({ arch }))).toHaveLength(count);
  });

  it.each([
    ['6.18.44-fc', 0],
    ['5.10.0-33-amd64', 0],
    ['5.4.0', 0],
    ['10.0.1', 0],
    ['5.8.0', 1],
    ['4.19.0', 1],
    ['3.10.0-1160.el7', 1],
  ])('kernel %s', async (release, count) => {
    const host = healthyHost({ files: { '/proc/sys/kernel/osrelease': `${release}\n` } });
    expect(await look(kernelVersion, host, initSettings())).toHaveLength(count);
  });

  it('names missing cgroup v2 controllers, and how a Raspberry Pi gets the memory one', async () => {
    const host = healthyHost({ files: { '/sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io pids\n' } });
    expect(await look(cgroups, host, initSettings())).toMatchObject([
      {
        level: 'error',
        message: 'cgroup v2 controllers are missing: memory',
        fix: expect.stringContaining('cgroup_enable=memory'),
      },
    ]);
  });

  it('takes cgroup v1 with a warning, if its controllers are enabled', async () => {
    const line = (name: string, enabled = 1) => `${name}\t1\t3\t${enabled}`;
    const names = ['cpuset', 'cpu', 'cpuacct', 'blkio', 'devices', 'freezer', 'pids', 'hugetlb'];
    const files = (memoryEnabled: number) => ({
      '/sys/fs/cgroup/cgroup.controllers': undefined,
      '/proc/cgroups': [
        '#subsys_name',
        ...names.map((name) => line(name)),
        line('memory', memoryEnabled),
      ].join('\n'),
    });
    expect(await look(cgroups, healthyHost({ files: files(1) }), initSettings())).toMatchObject([
      { level: 'warning', message: 'this host uses cgroup v1' },
    ]);
    expect(await look(cgroups, healthyHost({ files: files(0) }), initSettings())).toMatchObject([
      { level: 'error', message: 'cgroup v1 controllers are missing: memory' },
      { level: 'warning' },
    ]);
  });

  it('wants more of a control plane than of a node', async () => {
    const host = healthyHost({ files: { '/proc/meminfo': 'MemTotal: 900000 kB\n' } }).reply('nproc', {
      stdout: '1\n',
    });
    expect(await look(cpus, host, initSettings())).toMatchObject([{ level: 'error' }]);
    expect(await look(cpus, host, joinSettings())).toMatchObject([{ level: 'warning' }]);
    expect(await look(memory, host, initSettings())).toMatchObject([
      { level: 'error', message: expect.stringContaining('878 MB') },
    ]);
    expect(await look(memory, host, joinSettings())).toEqual([]);
    expect(await look(cpus, host, joinSettings({ controlPlane: true }))).toMatchObject([{ level: 'error' }]);
  });
});

describe('kernel modules', () => {
  const without = (path: string, more: Record<string, string> = {}) =>
    healthyHost({ files: { [path]: undefined, ...more } });
  const release = '6.1.0-28-amd64';

  it.each([
    [
      'loadable',
      `/lib/modules/${release}/modules.dep`,
      'kernel/drivers/net/vxlan/vxlan.ko.xz: kernel/net/ipv4/udp_tunnel.ko.xz\n',
    ],
    ['built in', `/lib/modules/${release}/modules.builtin`, 'kernel/drivers/net/vxlan/vxlan.ko\n'],
    ['built in, by its configuration', `/boot/config-${release}`, 'CONFIG_VXLAN=y\n'],
  ])('finds one that is %s', async (_, file, text) => {
    expect(
      await look(kernelModules, without('/sys/module/vxlan/refcnt', { [file]: text }), initSettings()),
    ).toEqual([]);
  });

  it('is sure only where there is a list', async () => {
    expect(await look(kernelModules, without('/sys/module/vxlan/refcnt'), initSettings())).toMatchObject([
      { level: 'warning' },
    ]);
    const listed = without('/sys/module/vxlan/refcnt', {
      [`/lib/modules/${release}/modules.dep`]: 'kernel/a/b.ko:\n',
    });
    expect(await look(kernelModules, listed, initSettings())).toMatchObject([
      { level: 'error', message: expect.stringContaining('vxlan') },
    ]);
  });

  it('reads the compressed configuration of a kernel without modules', async () => {
    const host = without('/proc/sys/net/bridge/bridge-nf-call-iptables', { '/proc/config.gz': '' });
    host.reply('zcat /proc/config.gz', { stdout: 'CONFIG_BRIDGE_NETFILTER=y\n# CONFIG_DUMMY is not set\n' });
    expect(await look(kernelModules, host, initSettings())).toEqual([]);
    host.reply('zcat /proc/config.gz', { stdout: '# CONFIG_BRIDGE_NETFILTER is not set\n' });
    expect(await look(kernelModules, host, initSettings())).toMatchObject([{ level: 'error' }]);
  });

  it('needs no VXLAN for host-gw, and a dummy link only for edge', async () => {
    const settings = initSettings();
    const flannel = { backend: 'host-gw' } as const;
    const edge = { ...settings.edge, cni: { ...settings.edge.cni, flannel } };
    expect(await look(kernelModules, without('/sys/module/vxlan/refcnt'), { ...settings, edge })).toEqual([]);
    const dummy = without('/sys/module/dummy/refcnt', { '/proc/config.gz': '' });
    dummy.reply('zcat', { stdout: '# CONFIG_DUMMY is not set\n' });
    expect(await look(dummyLink, dummy, settings)).toMatchObject([{ level: 'warning' }]);
    expect(await look(dummyLink, dummy, { ...settings, edge: { ...edge, enabled: false } })).toEqual([]);
  });
});

describe('swap', () => {
  const header = 'Filename\tType\tSize\tUsed\tPriority\n';
  const on = (used: number, more: Record<string, string | undefined> = {}) =>
    healthyHost({
      files: {
        '/proc/swaps': `${header}/dev/sda2\tpartition\t2000000\t${used}\t-2\n`,
        '/dev/sda2': '',
        ...more,
      },
    });

  it('will be turned off', async () => {
    expect(await look(swap, on(0), initSettings())).toMatchObject([
      { level: 'warning', message: 'swap is on: /dev/sda2' },
    ]);
  });

  it.each([
    ['memory is full', on(3_500_000), '3418 MB are swapped out'],
    ['it is the machine’s', on(0, { '/dev/sda2': undefined }), 'not visible here'],
    ['rights are missing', on(0, { '/proc/self/status': 'CapEff:\t00000000a80425fb\n' }), 'CAP_SYS_ADMIN'],
  ])('cannot be turned off: %s', async (_, host, text) => {
    expect(await look(swap, host, initSettings())).toMatchObject([
      { level: 'error', message: expect.stringContaining(text) },
    ]);
  });

  it('may stay when the kubelet tolerates it', async () => {
    expect(
      await look(swap, on(9_000_000), initSettings({ documents: [kubelet({ failSwapOn: false })] })),
    ).toEqual([]);
  });
});

describe('name and clock', () => {
  it.each(['Node_1', 'node-', 'a'.repeat(64), '10.0.0.1', ''])(
    'refuses the node name "%s"',
    async (nodeName) => {
      expect(await look(hostname, healthyHost(), initSettings({ nodeName }))).toMatchObject([
        { level: 'error' },
      ]);
    },
  );

  it('suggests a name that is valid', async () => {
    const [found] = await look(hostname, healthyHost(), initSettings({ nodeName: 'Node_1' }));
    expect(found?.fix).toContain('--node-name node-1');
  });

  it('warns of a name that does not resolve', async () => {
    const host = healthyHost().reply('getent ahosts node-1', { exitCode: 2 });
    expect(await look(hostname, host, initSettings())).toMatchObject([{ level: 'warning' }]);
  });

  it('knows a clock that was never set', async () => {
    const host = healthyHost().reply('date', { stdout: '86400.123\n' });
    expect(await look(clock, host, initSettings())).toMatchObject([
      { level: 'error', message: "this host's clock says 1970-01-02" },
    ]);
  });

  it('warns when nothing keeps the clock right, but not in a container', async () => {
    const host = healthyHost();
    host.units.delete('systemd-timesyncd.service');
    expect(await look(timeSync, host, initSettings())).toMatchObject([
      { level: 'warning', message: expect.stringContaining('no time service') },
    ]);
    expect(await look(timeSync, activate(host, 'chrony.service'), initSettings())).toEqual([]);
    const unsynced = healthyHost({ files: { '/run/systemd/timesync/synchronized': undefined } });
    expect(await look(timeSync, unsynced, initSettings())).toMatchObject([{ level: 'warning' }]);
    const container = healthyHost({
      files: { '/run/systemd/timesync/synchronized': undefined, '/run/systemd/container': 'podman' },
    });
    expect(await look(timeSync, container, initSettings())).toEqual([]);
  });
});

describe('disk', () => {
  const MB = 1e6;
  const entry = (path: string, size: number) => ({ path, size, sha256: '', mode: 0o644 });
  const packed = manifest({
    entries: [
      entry('bin/kubelet', 100 * MB),
      entry('images/blobs/sha256/a', 400 * MB),
      entry('cni/bridge', 5 * MB),
    ],
  });
  /** Free KiB by mount; a path is on the longest mount above it. */
  const disks = (free: Record<string, number>, size = 1e9) =>
    healthyHost().reply('df', ({ args = [] }) => ({
      stdout: `Filesystem 1024-blocks Used Available Capacity Mounted on\n${args
        .slice(1)
        .map((path) => {
          const mounts = Object.keys(free).filter(
            (each) => path === each || path.startsWith(each === '/' ? '/' : `${each}/`),
          );
          const mount = mounts.sort((a, b) => b.length - a.length)[0]!;
          return `/dev/disk 0${size} 1 ${free[mount]} 1% ${mount}`;
        })
        .join('\n')}\n`,
    }));

  it('has room', async () => {
    expect(await look(diskSpace, disks({ '/': 900_000_000 }), initSettings(), packed)).toEqual([]);
  });

  it('says how much is free, needed, and for what', async () => {
    const [found] = await look(diskSpace, disks({ '/': 1_000_000 }), initSettings(), packed);
    expect(found).toMatchObject({ level: 'error' });
    expect(found?.message).toContain(
      'has 977 MiB free; 2.1 GiB are needed: 482 MiB for the package, 1.1 GiB for images',
    );
    // Programs are hard links to the package on the same file system.
    expect(found?.message).not.toContain('programs');
  });

  it('counts programs on a file system of their own', async () => {
    const host = disks({ '/': 90_000, '/var': 900_000_000 });
    host.put('/var/lib/hello', '');
    const findings = await look(diskSpace, host, initSettings(), packed);
    expect(findings).toMatchObject([{ level: 'error', message: expect.stringContaining('for programs') }]);
  });

  it('is full', async () => {
    expect(await look(diskSpace, disks({ '/': 0 }), joinSettings(), undefined)).toMatchObject([
      { level: 'error' },
    ]);
  });

  it('warns before the kubelet would evict pods, unless the user set that', async () => {
    const host = disks({ '/': 100_000_000 });
    expect(await look(diskSpace, host, initSettings(), packed)).toMatchObject([{ level: 'warning' }]);
    const documents = [kubelet({ evictionHard: { 'nodefs.available': '1%' } })];
    expect(await look(diskSpace, host, initSettings({ documents }), packed)).toEqual([]);
  });

  it('is not asked again on a host that has the package', async () => {
    const host = disks({ '/': 0 });
    await host.remember('package', { digest: 'x' });
    expect(await look(diskSpace, host, initSettings(), packed)).toEqual([]);
  });
});

describe('tools', () => {
  it('uses kubeadm names', async () => {
    const files = {
      '/usr/sbin/mount': undefined,
      '/usr/sbin/socat': undefined,
      '/usr/sbin/iptables': undefined,
    };
    const findings = await look(tools, healthyHost({ files }), initSettings());
    expect(findings.map(({ level, name }) => `${level} ${name}`)).toEqual([
      'error FileExisting-mount',
      'warning FileExisting-socat',
      'error FileExisting-iptables',
    ]);
    const nft = healthyHost({ files: { '/usr/sbin/iptables': undefined, '/usr/sbin/nft': '' } });
    expect(await look(tools, nft, initSettings())).toEqual([]);
  });

  it('warns of rules in both backends', async () => {
    const host = healthyHost({ files: { '/proc/net/ip_tables_names': 'nat\nfilter\n' } });
    expect(await look(iptablesBackend, host, initSettings())).toMatchObject([
      { level: 'warning', message: expect.stringContaining('nat, filter') },
    ]);
    host.reply('iptables --version', { stdout: 'iptables v1.8.9 (legacy)\n' });
    expect(await look(iptablesBackend, host, initSettings())).toEqual([]);
  });
});

describe('versions', () => {
  it('must be the one of the package', async () => {
    const look36 = (version: string | undefined) =>
      look(kubernetesVersion, healthyHost(), initSettings({ kubernetesVersion: version }), manifest());
    expect(await look36('v1.36.3')).toEqual([]);
    expect(await look36(undefined)).toEqual([]);
    expect(await look36('v1.35.4')).toMatchObject([
      { level: 'error', message: expect.stringContaining('v1.35.4') },
    ]);
  });

  it.each([
    ['v1.36.3', 'v1.36.0', false, 0],
    ['v1.36.3', 'v1.35.4', false, 0],
    ['v1.36.3', 'v1.33.0', false, 0],
    ['v1.36.3', 'v1.32.0', false, 1],
    ['v1.35.4', 'v1.36.3', false, 1],
    ['v1.36.3', 'v1.35.4', true, 1],
    ['v1.36.3+k3s1', 'v1.36.3', true, 0],
    [undefined, 'v1.36.3', true, 0],
    ['v1.36.3', undefined, true, 0],
  ])('a cluster of %s and a package of %s (control plane: %s)', (cluster, packaged, controlPlane, count) => {
    expect(skewFindings(cluster, packaged, controlPlane)).toHaveLength(count);
  });
});

describe('manifests folder', () => {
  it('must be there', async () => {
    await expect(
      look(manifestsDir, healthyHost(), initSettings({ manifestsDir: '/nowhere/manifests' })),
    ).rejects.toMatchObject({
      code: 'E_CONFIG_INVALID',
    });
  });
});
