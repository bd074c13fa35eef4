import type { InitSettings, JoinSettings } from '../../src/config/types.ts';
import { privilegedUser, writeAccess } from './access.ts';
import type { Check, NodeSettings } from './check.ts';
import { clock, timeSync } from './clock.ts';
import { discovery } from './discovery.ts';
import { diskSpace } from './disk.ts';
import { existingCluster } from './existing-cluster.ts';
import { hostname } from './hostname.ts';
import { dummyLink, kernelModules } from './kernel-modules.ts';
import { manifestsDir } from './manifests-dir.ts';
import { advertiseAddress, cidrOverlap, defaultRoute } from './network.ts';
import { docker, otherKubernetes } from './other-software.ts';
import { packageContents } from './package.ts';
import { ports } from './ports.ts';
import { resolvConf } from './resolv-conf.ts';
import { cpus, memory } from './resources.ts';
import { containerRuntime } from './runtime.ts';
import { firewalld, selinux, ufw } from './security.ts';
import { swap } from './swap.ts';
import { architecture, cgroups, kernelVersion } from './system.ts';
import { iptablesBackend, tools } from './tools.ts';
import { kubernetesVersion } from './versions.ts';
import { virtualIp } from './virtual-ip.ts';

export type { Check, CheckContext, Finding } from './check.ts';
export { type NamedFinding, type RunOptions, runChecks } from './run.ts';

const nodeChecks: readonly Check<NodeSettings>[] = [
  privilegedUser,
  existingCluster,
  otherKubernetes,
  ports,
  architecture,
  kubernetesVersion,
  packageContents,
  kernelVersion,
  kernelModules,
  dummyLink,
  cgroups,
  cpus,
  memory,
  diskSpace,
  writeAccess,
  swap,
  tools,
  iptablesBackend,
  containerRuntime,
  docker,
  hostname,
  clock,
  timeSync,
  defaultRoute,
  advertiseAddress,
  cidrOverlap,
  virtualIp,
  resolvConf,
  firewalld,
  ufw,
  selinux,
  manifestsDir,
];

/** Checks of `edgeadm init`, in the order in which their findings are reported. */
export const initChecks: readonly Check<InitSettings>[] = nodeChecks;

/** Checks of `edgeadm join`. */
export const joinChecks: readonly Check<JoinSettings>[] = [...nodeChecks, discovery];
