import { configFlag, dryRunFlag, kubeconfigFlag } from './common.ts';
import { kubeadmOutputFlags } from './output.ts';
import type { FlagSpec } from './spec.ts';

const own = { group: 'kubeadm', withConfig: false } as const;

/** Flags of every `kubeadm token` command (cmd/kubeadm/app/cmd/token.go). All are handed on to kubeadm. */
export const tokenFlags: readonly FlagSpec[] = [dryRunFlag, kubeconfigFlag];

export const tokenCreateFlags: readonly FlagSpec[] = [
  ...tokenFlags,
  {
    ...own,
    name: 'certificate-key',
    value: 'string',
    argName: 'key',
    description:
      'with --print-join-command: print the command for a control-plane node; the key is the one of upload-certs',
    secret: true,
  },
  configFlag,
  {
    ...own,
    name: 'description',
    value: 'string',
    argName: 'text',
    description: 'what the token is for',
  },
  {
    ...own,
    name: 'groups',
    value: 'strings',
    argName: 'groups',
    default: ['system:bootstrappers:kubeadm:default-node-token'],
    description: 'groups that a user of the token belongs to, system:bootstrappers:…',
  },
  {
    ...own,
    name: 'print-join-command',
    value: 'bool',
    default: false,
    description: 'print the whole join command',
    withConfig: true,
  },
  {
    ...own,
    name: 'ttl',
    value: 'duration',
    argName: 'time',
    default: '24h0m0s',
    description: 'how long the token is valid, e.g. 1s, 2m, 3h; 0 for ever',
  },
  {
    ...own,
    name: 'usages',
    value: 'strings',
    argName: 'usages',
    default: ['signing', 'authentication'],
    description: 'what the token may be used for: signing, authentication',
  },
];

export const tokenListFlags: readonly FlagSpec[] = [...tokenFlags, ...kubeadmOutputFlags];
