import type { FlagSpec } from '../config/flags/spec.ts';

const own = { group: 'kubeadm', withConfig: true } as const;

export const certDirFlag: FlagSpec = {
  ...own,
  name: 'cert-dir',
  value: 'string',
  argName: 'folder',
  default: '/etc/kubernetes/pki',
  description: 'where the certificates are kept',
};

/** A flag of text with a name for its value. */
export function textFlag(
  name: string,
  argName: string,
  description: string,
  more: Partial<FlagSpec> = {},
): FlagSpec {
  return { ...own, name, value: 'string', argName, description, ...more };
}

/** A switch. */
export function switchFlag(name: string, description: string, more: Partial<FlagSpec> = {}): FlagSpec {
  return { ...own, name, value: 'bool', default: false, description, ...more };
}
