import { join } from 'node:path';
import { paths } from '../../src/host/paths.ts';
import type { NodeContext } from '../context.ts';

/** Directories that kubeadm, the kubelet and the control plane fill by themselves. */
const dataTrees = [
  paths.kubelet,
  paths.etcd,
  '/run/flannel',
  '/var/lib/kube-proxy',
  '/usr/libexec/kubernetes',
  '/var/log/pods',
  '/var/log/containers',
] as const;

/** What kubeadm writes below /etc/kubernetes. */
const configuration = [
  'admin.conf',
  'super-admin.conf',
  'kubelet.conf',
  'bootstrap-kubelet.conf',
  'controller-manager.conf',
  'scheduler.conf',
  'manifests',
  'pki',
  'tmp',
] as const;

/** Sysctls that the kubelet and kube-proxy set by themselves. Source: pkg/kubelet/cm and pkg/proxy in kubernetes. */
const programSysctls = [
  'vm.overcommit_memory',
  'vm.panic_on_oom',
  'kernel.panic',
  'kernel.panic_on_oops',
  'kernel.keys.root_maxkeys',
  'kernel.keys.root_maxbytes',
  'net.ipv4.conf.all.route_localnet',
  'net.ipv4.vs.conntrack',
  'net.netfilter.nf_conntrack_max',
  'net.netfilter.nf_conntrack_tcp_timeout_established',
  'net.netfilter.nf_conntrack_tcp_timeout_close_wait',
  'net.ipv4.ip_forward',
  'net.ipv6.conf.all.forwarding',
] as const;

/** Records what is there before kubeadm and the kubelet write, so that reset can tell theirs from others'. */
export async function claimKubernetes(ctx: Pick<NodeContext, 'host'>): Promise<void> {
  const { host } = ctx;
  // What is not kubeadm's in /etc/kubernetes (audit policies, keys of encryption providers) stays its owner's.
  await host.makeDirectory(paths.kubernetes);
  for (const name of configuration) await host.claimTree(join(paths.kubernetes, name), { content: true });
  for (const tree of dataTrees) await host.claimTree(tree);
  await host.claimSysctls(programSysctls);
  await host.claimNetwork();
}

/** Checks of kubeadm's own preflight that do not hold on this machine although the cluster works, and the user's. */
export function kubeadmIgnores(ctx: NodeContext): string[] {
  // The kubelet is told failCgroupV1: false on cgroup v1; kubeadm's validator knows nothing of it.
  const adapted = ctx.machine.cgroupVersion === 1 ? ['SystemVerification'] : [];
  return [...adapted, ...ctx.ignorePreflightErrors];
}
