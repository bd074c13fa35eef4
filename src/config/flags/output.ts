import type { FlagSpec } from './spec.ts';

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
