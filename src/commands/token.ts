import { tokenCreateFlags, tokenFlags, tokenListFlags } from '../config/flags/token.ts';
import { passThrough } from './kubeadm.ts';
import type { CommandSpec } from './spec.ts';

export const tokenCommand: CommandSpec = {
  name: 'token',
  short: 'Manage bootstrap tokens',
  long: 'A bootstrap token lets a machine join the cluster: it proves the cluster to the machine and the machine to the cluster. It is a Secret bootstrap-token-ID in kube-system; the part behind the dot must stay secret.',
  examples: ['edgeadm token create --print-join-command', 'edgeadm token list'].join('\n'),
  commands: [
    passThrough(['token', 'create'], {
      name: 'create',
      short: 'Create a bootstrap token in the cluster',
      examples: [
        '# The command with which a new machine joins',
        'edgeadm token create --print-join-command',
        '# A token that is valid for an hour',
        'edgeadm token create --ttl 1h --description "second rack"',
      ].join('\n'),
      arguments: [
        { name: '[token]', description: 'the token, [a-z0-9]{6}.[a-z0-9]{16}; a random one when left out' },
      ],
      flags: tokenCreateFlags,
    }),
    passThrough(['token', 'list'], {
      name: 'list',
      short: 'List the bootstrap tokens of the cluster',
      examples: ['edgeadm token list', 'edgeadm token list -o json'].join('\n'),
      flags: tokenListFlags,
    }),
    passThrough(['token', 'delete'], {
      name: 'delete',
      short: 'Delete bootstrap tokens from the cluster',
      examples: 'edgeadm token delete abcdef',
      arguments: [{ name: '<token...>', description: 'whole tokens, or the six letters before the dot' }],
      flags: tokenFlags,
    }),
    {
      name: 'generate',
      short: 'Print a random token, and create none',
      long: 'Prints a random token for `edgeadm init --token` or `edgeadm token create`. It needs no cluster and no kubeadm.',
      examples: 'edgeadm token generate',
      flags: tokenFlags,
      async run() {
        const token = await randomToken();
        return { text: token, data: { token } };
      },
    },
  ],
};

/** A bootstrap token in kubeadm's form, from a cryptographic source. */
async function randomToken(): Promise<string> {
  const { randomInt } = await import('node:crypto');
  const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';
  const word = (length: number): string =>
    Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
  return `${word(6)}.${word(16)}`;
}
