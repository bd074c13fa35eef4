import { configFlag } from '../config/flags/common.ts';
import { textFlag } from './flags.ts';
import { passThrough } from './kubeadm.ts';
import type { CommandSpec } from './spec.ts';

export const kubeconfigCommand: CommandSpec = {
  name: 'kubeconfig',
  short: 'Make kubeconfig files',
  examples: 'edgeadm kubeconfig user --client-name=jane',
  commands: [
    passThrough(['kubeconfig', 'user'], {
      name: 'user',
      short: 'Print a kubeconfig file for a further user',
      examples: [
        '# A client certificate for jane, who is in the group developers, valid for a day',
        'edgeadm kubeconfig user --client-name=jane --org=developers --validity-period=24h',
      ].join('\n'),
      flags: [
        textFlag('client-name', 'name', 'name of the user; becomes the CN of the certificate'),
        configFlag,
        textFlag('org', 'groups', 'groups of the user; become the O of the certificate', {
          value: 'strings',
        }),
        textFlag('token', 'token', 'a token instead of a client certificate', { secret: true }),
        textFlag('validity-period', 'time', 'how long the certificate is valid', {
          value: 'duration',
          default: '8760h0m0s',
        }),
      ],
    }),
  ],
};
