import type { Host } from '../../src/host/host.ts';
import { type Check, type Finding, type NodeSettings, warning } from './check.ts';

interface Feature {
  module: string;
  /** Kernel configuration without CONFIG_. */
  option: string;
  /** Exists once the feature is there, as a module or built in. */
  evidence: string;
  why: string;
  level: Finding['level'];
}

function wanted({ edge }: NodeSettings): Feature[] {
  const features: Feature[] = [
    {
      module: 'br_netfilter',
      option: 'BRIDGE_NETFILTER',
      evidence: '/proc/sys/net/bridge/bridge-nf-call-iptables',
      why: 'Services do not work for pods without it',
      level: 'error',
    },
    {
      module: 'nf_conntrack',
      option: 'NF_CONNTRACK',
      evidence: '/proc/sys/net/netfilter/nf_conntrack_max',
      why: 'Services do not work without it',
      level: 'error',
    },
  ];
  if (edge.runtime.snapshotter === 'overlayfs') {
    const why = 'containerd stores images with it';
    features.push({
      module: 'overlay',
      option: 'OVERLAY_FS',
      evidence: '/sys/module/overlay',
      why,
      level: 'error',
    });
  }
  if (edge.cni.name === 'flannel' && edge.cni.flannel.backend === 'vxlan') {
    const why = 'flannel connects nodes with it (or choose the backend host-gw)';
    features.push({ module: 'vxlan', option: 'VXLAN', evidence: '/sys/module/vxlan', why, level: 'error' });
  }
  return features;
}

/** Kernel features: there already, loadable, or built in. What cannot be found out is a warning only. */
export const kernelModules: Check<NodeSettings> = {
  name: 'KernelModules',
  async run(host, settings, { signal }) {
    const lacking: Feature[] = [];
    for (const feature of wanted(settings)) if (!(await host.stat(feature.evidence))) lacking.push(feature);
    if (lacking.length === 0) return [];
    const [modules, config] = await Promise.all([availableModules(host), kernelConfig(host, signal)]);
    const findings: Finding[] = [];
    for (const feature of lacking) {
      if (modules?.has(feature.module)) continue;
      const configured = config && new RegExp(`^CONFIG_${feature.option}=([ym])$`, 'm').exec(config)?.[1];
      if (configured === 'y') continue;
      const message = `the kernel feature ${feature.module} is not available: ${feature.why}`;
      const fix =
        'Install the package with the modules of the running kernel (`uname -r`; Raspberry Pi OS on Ubuntu: linux-modules-extra-raspi), or another kernel; reboot if the kernel was updated.';
      if (modules || config) findings.push({ level: feature.level, message, fix });
      else
        findings.push(
          warning(`it is not known whether the kernel has ${feature.module}: ${feature.why}`, fix),
        );
    }
    return findings;
  },
};

/** Modules of the running kernel that can be loaded or are built in; undefined when it has no module directory. */
async function availableModules(host: Host): Promise<Set<string> | undefined> {
  const release = ((await host.readText('/proc/sys/kernel/osrelease')) ?? '').trim();
  const lists = await Promise.all(
    ['modules.dep', 'modules.builtin'].map((file) => host.readText(`/lib/modules/${release}/${file}`)),
  );
  if (lists.every((text) => text === undefined)) return undefined;
  const names = lists.join('\n').matchAll(/([^/\n:]+)\.ko(?:\.\w+)?(?=:|$)/gm);
  return new Set([...names].map(([, name]) => name!.replaceAll('-', '_')));
}

async function kernelConfig(host: Host, signal: AbortSignal): Promise<string | undefined> {
  const release = ((await host.readText('/proc/sys/kernel/osrelease')) ?? '').trim();
  const text = await host.readText(`/boot/config-${release}`);
  if (text !== undefined) return text;
  if (!(await host.stat('/proc/config.gz'))) return undefined;
  const { stdout } = await host.query(
    { file: 'zcat', args: ['/proc/config.gz'], signal },
    { allowFailure: true },
  );
  return stdout || undefined;
}

/** Edge nodes carry the edge virtual address on a dummy link. */
export const dummyLink: Check<NodeSettings> = {
  name: 'DummyLink',
  applies: ({ edge }) => edge.enabled,
  async run(host, _settings, { signal }) {
    if (await host.stat('/sys/module/dummy')) return [];
    if ((await availableModules(host))?.has('dummy')) return [];
    const config = await kernelConfig(host, signal);
    if (config === undefined || /^CONFIG_DUMMY=[ym]$/m.test(config)) return [];
    const fix =
      'Use a kernel with CONFIG_DUMMY before you enable edge addons that need the edge virtual address.';
    return [warning('the kernel has no dummy links, which carry the edge virtual address', fix)];
  },
};
