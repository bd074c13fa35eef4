import {
  configFlag,
  criSocketFlag,
  dryRunFlag,
  ignorePreflightErrorsFlag,
  kubeconfigFlag,
  skipPhasesFlag,
} from './common.ts';
import type { FlagSpec } from './spec.ts';

const kind = 'ResetConfiguration';
const own = { group: 'kubeadm', withConfig: false } as const;

/** Every flag of `kubeadm reset`, kubeadm 1.34 to 1.36 (cmd/kubeadm/app/cmd/reset.go). */
const kubeadmResetFlags: readonly FlagSpec[] = [
  {
    ...own,
    name: 'cert-dir',
    value: 'string',
    argName: 'folder',
    default: '/etc/kubernetes/pki',
    description: 'where the certificates are kept; they are removed',
    target: { kind, path: 'certificatesDir' },
  },
  {
    ...own,
    name: 'cleanup-tmp-dir',
    value: 'bool',
    default: false,
    description: 'also empty /etc/kubernetes/tmp',
    target: { kind, path: 'cleanupTmpDir' },
  },
  configFlag,
  criSocketFlag(kind, 'criSocket'),
  dryRunFlag,
  {
    ...own,
    name: 'force',
    short: 'f',
    value: 'bool',
    default: false,
    description: 'do not ask before resetting',
    target: { kind, path: 'force' },
  },
  ignorePreflightErrorsFlag,
  kubeconfigFlag,
  skipPhasesFlag,
];

export const resetFlags: readonly FlagSpec[] = kubeadmResetFlags;
