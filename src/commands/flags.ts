import type { FlagSpec } from '../config/flags/spec.ts';

const own = { group: 'kubeadm', withConfig: true } as const;

/** Flags of kubeadm commands that are handed on to it as they are. */
export const kubeadmOutputFlags: readonly FlagSpec[] = [
  {
    ...own,
    name: 'output',
    short: 'o',
    value: 'string',
    argName: 'format',
    default: 'text',
    description: 'text, json, yaml, go-template=… or jsonpath=…',
  },
  {
    ...own,
    name: 'allow-missing-template-keys',
    value: 'bool',
    default: true,
    description: 'with a template: leave out what is missing instead of failing',
    hidden: true,
  },
  {
    ...own,
    name: 'show-managed-fields',
    value: 'bool',
    default: false,
    description: 'keep managedFields in JSON and YAML',
    hidden: true,
  },
];

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
