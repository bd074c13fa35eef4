import type { FlagSpec } from './spec.ts';

/** Flags that several commands share, each with kubeadm's meaning (cmd/kubeadm/app/cmd/options). */

export const configFlag: FlagSpec = {
  name: 'config',
  value: 'string',
  argName: 'file',
  description: 'YAML file with kubeadm documents and, at will, one EdgeConfiguration',
  group: 'kubeadm',
  withConfig: true,
};

export const criSocketFlag = (kind: string, path: string): FlagSpec => ({
  name: 'cri-socket',
  value: 'string',
  argName: 'socket',
  description: 'socket of the container runtime (default: the one of the containerd that edgeadm installs)',
  group: 'kubeadm',
  withConfig: false,
  target: { kind, path },
});

export const dryRunFlag: FlagSpec = {
  name: 'dry-run',
  value: 'bool',
  default: false,
  description: 'change nothing; print what would be done',
  group: 'kubeadm',
  withConfig: true,
};

export const ignorePreflightErrorsFlag: FlagSpec = {
  name: 'ignore-preflight-errors',
  value: 'strings',
  argName: 'checks',
  description: "checks whose failure is only a warning, e.g. 'IsPrivilegedUser,Swap'; 'all' for every check",
  group: 'kubeadm',
  withConfig: true,
};

export const skipPhasesFlag: FlagSpec = {
  name: 'skip-phases',
  value: 'strings',
  argName: 'phases',
  description: 'phases to leave out',
  group: 'kubeadm',
  withConfig: true,
};

export const kubeconfigFlag: FlagSpec = {
  name: 'kubeconfig',
  value: 'string',
  argName: 'file',
  default: '/etc/kubernetes/admin.conf',
  description: 'kubeconfig file for talking to the cluster',
  group: 'kubeadm',
  withConfig: true,
};

export const patchesFlag = (kind: string): FlagSpec => ({
  name: 'patches',
  value: 'string',
  argName: 'folder',
  description:
    'folder of patches named "target[suffix][+patchtype].extension", e.g. "kube-apiserver0+merge.yaml"; targets are ' +
    'kube-apiserver, kube-controller-manager, kube-scheduler, etcd, kubeletconfiguration and corednsdeployment, ' +
    'patch types strategic (default), merge and json, extensions json and yaml',
  group: 'kubeadm',
  withConfig: false,
  target: { kind, path: 'patches.directory' },
});

export const nodeNameFlag = (kind: string): FlagSpec => ({
  name: 'node-name',
  value: 'string',
  argName: 'name',
  description: 'name of this node (default: the host name)',
  group: 'kubeadm',
  withConfig: true,
  target: { kind, path: 'nodeRegistration.name' },
});

/** Flags of every kubeadm command. */
export const globalFlags: readonly FlagSpec[] = [
  {
    name: 'rootfs',
    value: 'string',
    argName: 'folder',
    description:
      "path to the host's real root file system, which is changed into with chroot before anything else",
    group: 'kubeadm',
    withConfig: true,
  },
  {
    name: 'v',
    short: 'v',
    value: 'int',
    argName: 'level',
    description: 'how much to log, 0 to 10',
    group: 'kubeadm',
    withConfig: true,
  },
  {
    name: 'vmodule',
    value: 'string',
    argName: 'pattern=level,…',
    description: "log levels of single source files, for kubeadm's own log",
    group: 'kubeadm',
    withConfig: false,
    hidden: true,
  },
];
