import type { Host } from '../../src/host/host.ts';
import { type Check, error, type NodeSettings, warning } from './check.ts';

const architectures: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64', arm64: 'arm64' };

export const architecture: Check<NodeSettings> = {
  name: 'Arch',
  async run(host, _settings, context) {
    const machine = (await host.query({ file: 'uname', args: ['-m'], signal: context.signal })).stdout.trim();
    if (machine === '') return [];
    const arch = architectures[machine];
    if (!arch)
      return [error(`the processor is ${machine}`, 'Install packages are made for x86_64 and aarch64.')];
    const wanted = context.package?.arch;
    if (!wanted || wanted === arch) return [];
    return [
      error(
        `the install package is for ${wanted}, this host is ${arch}`,
        `Take the package for ${arch}: \`edgeadm package build --arch ${arch}\`.`,
      ),
    ];
  },
};

/** The kernels that Kubernetes tests with (k8s.io/system-validators, types_unix.go). */
const supportedKernels = /^(5\.(4|10|15)\.|([6-9]|[1-9]\d)\.)/;

export const kernelVersion: Check<NodeSettings> = {
  name: 'KernelVersion',
  aliases: ['SystemVerification'],
  async run(host) {
    const release = ((await host.readText('/proc/sys/kernel/osrelease')) ?? '').trim();
    if (release === '' || supportedKernels.test(release)) return [];
    const fix = 'Kubernetes supports 5.4, 5.10, 5.15 and all from 6.0 on: update the kernel.';
    return [error(`the kernel is ${release}`, fix)];
  },
};

/** Controllers that the kubelet needs; on v2, devices and freezer are always there. */
const controllers = {
  v1: {
    required: ['cpu', 'cpuacct', 'cpuset', 'devices', 'freezer', 'memory', 'pids'],
    optional: ['blkio', 'hugetlb'],
  },
  v2: { required: ['cpu', 'cpuset', 'memory', 'pids'], optional: ['io', 'hugetlb'] },
} as const;

export const cgroups: Check<NodeSettings> = {
  name: 'Cgroups',
  aliases: ['SystemVerification'],
  async run(host) {
    const unified = await host.readText('/sys/fs/cgroup/cgroup.controllers');
    const version = unified === undefined ? 'v1' : 'v2';
    const present = unified === undefined ? await legacyControllers(host) : unified.trim().split(/\s+/);
    if (present.length === 0) {
      const fix = 'Mount cgroup2 on /sys/fs/cgroup, as systemd does.';
      return [error('no cgroup hierarchy is mounted', fix)];
    }
    const missing = (names: readonly string[]) => names.filter((name) => !present.includes(name));
    const findings = [];
    const required = missing(controllers[version].required);
    if (required.length > 0) {
      const fix = required.includes('memory')
        ? 'Add `cgroup_enable=memory cgroup_memory=1` to the kernel command line (Raspberry Pi: /boot/firmware/cmdline.txt) and reboot.'
        : 'The kernel must offer them: see `cat /proc/cgroups` and the kernel command line.';
      findings.push(error(`cgroup ${version} controllers are missing: ${required.join(', ')}`, fix));
    }
    const optional = missing(controllers[version].optional);
    if (optional.length > 0 && required.length === 0 && !optional.every((name) => name === 'hugetlb')) {
      const fix = 'Limits of that kind do not work in pods; nothing else is lost.';
      findings.push(
        warning(`optional cgroup ${version} controllers are missing: ${optional.join(', ')}`, fix),
      );
    }
    if (version === 'v1') {
      const fix =
        'Kubernetes will drop it: boot with `systemd.unified_cgroup_hierarchy=1`. Until then edgeadm sets failCgroupV1: false for the kubelet.';
      findings.push(warning('this host uses cgroup v1', fix));
    }
    return findings;
  },
};

/** Enabled controllers of /proc/cgroups (cgroups(7)): name, hierarchy, number of groups, enabled. */
async function legacyControllers(host: Host): Promise<string[]> {
  const text = (await host.readText('/proc/cgroups')) ?? '';
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(/\s+/))
    .filter(([, , , enabled]) => enabled === '1')
    .map(([name]) => name!);
}
