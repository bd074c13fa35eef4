import type { Machine } from '../machine.ts';
import type { Check } from './types.ts';

export const systemCheck: Check = {
  name: 'system',
  async find(machine) {
    if (machine.platform === 'linux') return undefined;
    return {
      problem: `this system is ${machine.platform}; nodes are Linux containers`,
      fix: 'Run it in a Linux machine or virtual machine; Debian 12 is what it is tested on.',
    };
  },
};

export const rootCheck: Check = {
  name: 'root',
  async find(machine) {
    if (machine.uid === 0) return undefined;
    return {
      problem: 'not root: nodes boot systemd and run containers of their own, which takes all privileges',
      fix: 'Run the same command with sudo.',
    };
  },
};

/** Bits of linux/capability.h. */
const capabilities = {
  CAP_NET_ADMIN: 12n,
  CAP_SYS_CHROOT: 18n,
  CAP_SYS_PTRACE: 19n,
  CAP_SYS_ADMIN: 21n,
  CAP_MKNOD: 27n,
};

export const capabilitiesCheck: Check = {
  name: 'capabilities',
  async find(machine) {
    if (machine.uid !== 0) return undefined;
    const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec((await machine.read('/proc/self/status')) ?? '')?.[1];
    if (effective === undefined) return undefined;
    const missing = Object.entries(capabilities)
      .filter(([, bit]) => ((BigInt(`0x${effective}`) >> bit) & 1n) === 0n)
      .map(([name]) => name);
    if (missing.length === 0) return undefined;
    return {
      problem: `root without ${missing.join(', ')}: this looks like a container with reduced rights`,
      fix: 'Run it on a machine or virtual machine, or in a container started with --privileged.',
    };
  },
};

/** Controllers that the kubelet and systemd work with. */
const unified = ['cpu', 'cpuset', 'memory', 'pids'];
const legacy = ['cpu', 'cpuacct', 'cpuset', 'memory', 'pids', 'devices', 'freezer', 'blkio', 'name=systemd'];

export const cgroupCheck: Check = {
  name: 'cgroups',
  async find(machine) {
    const controllers = await machine.read('/sys/fs/cgroup/cgroup.controllers');
    if (controllers !== undefined) {
      const missing = unified.filter((name) => !controllers.split(/\s+/).includes(name));
      if (missing.length === 0) return undefined;
      return {
        problem: `cgroup controllers are missing: ${missing.join(', ')}`,
        fix: 'They may be switched off on the kernel command line (cgroup_disable=); see /proc/cmdline.',
      };
    }
    const mounts = (await machine.read('/proc/mounts')) ?? '';
    const mounted = new Set(
      mounts
        .split('\n')
        .map((line) => line.split(' '))
        .filter((fields) => fields[2] === 'cgroup')
        .flatMap((fields) => (fields[3] ?? '').split(',')),
    );
    const missing = legacy.filter((name) => !mounted.has(name));
    if (missing.length === 0) return undefined;
    return {
      problem: `no cgroup v2 at /sys/fs/cgroup, and of cgroup v1 these are not mounted: ${missing.join(', ')}`,
      fix: 'Boot with cgroup v2 (systemd.unified_cgroup_hierarchy=1), or mount the missing cgroup v1 hierarchies below /sys/fs/cgroup.',
    };
  },
};

interface Feature {
  module: string;
  /** Kernel option without `CONFIG_`. */
  option: string;
}

/** What podman's network, systemd, containerd, kube-proxy, flannel and the cutting of links need of the kernel. */
export const features: readonly Feature[] = [
  { module: 'overlay', option: 'OVERLAY_FS' },
  { module: 'bridge', option: 'BRIDGE' },
  { module: 'br_netfilter', option: 'BRIDGE_NETFILTER' },
  { module: 'veth', option: 'VETH' },
  { module: 'vxlan', option: 'VXLAN' },
  { module: 'nf_conntrack', option: 'NF_CONNTRACK' },
  { module: 'nf_tables', option: 'NF_TABLES' },
  { module: 'nft_compat', option: 'NFT_COMPAT' },
  { module: 'xt_comment', option: 'NETFILTER_XT_MATCH_COMMENT' },
  { module: 'xt_conntrack', option: 'NETFILTER_XT_MATCH_CONNTRACK' },
  { module: 'xt_statistic', option: 'NETFILTER_XT_MATCH_STATISTIC' },
];

export const kernelCheck: Check = {
  name: 'kernel',
  async find(machine) {
    const config = await kernelConfig(machine);
    const builtin = (await machine.read(`/lib/modules/${machine.kernel}/modules.builtin`)) ?? '';
    const loadable: string[] = [];
    const absent: Feature[] = [];
    for (const feature of features) {
      if (await machine.exists(`/sys/module/${feature.module}`)) continue;
      if (builtin.includes(`/${feature.module}.ko`)) continue;
      const value = config && (new RegExp(`^CONFIG_${feature.option}=(.)`, 'm').exec(config)?.[1] ?? 'n');
      if (value === 'y') continue;
      if (value === 'n') absent.push(feature);
      else loadable.push(feature.module);
    }
    if (absent.length > 0) {
      const names = absent.map(({ module, option }) => `${module} (CONFIG_${option})`);
      return {
        problem: `kernel ${machine.kernel} has no ${names.join(', ')}`,
        fix: "Boot a kernel that has them; every distribution's standard kernel does.",
      };
    }
    if (loadable.length === 0) return undefined;
    const args = ['--all', ...loadable];
    return {
      problem: `kernel modules are not loaded: ${loadable.join(', ')}`,
      fix: `modprobe ${args.join(' ')}`,
      repair: {
        summary: `load the kernel modules ${loadable.join(', ')}`,
        async apply(_progress, signal) {
          await machine.run({ file: 'modprobe', args, signal });
        },
      },
    };
  },
};

async function kernelConfig(machine: Machine): Promise<string | undefined> {
  return (await machine.read('/proc/config.gz')) ?? (await machine.read(`/boot/config-${machine.kernel}`));
}
