import { EdgeadmError } from '../errors.ts';
import { textFlag } from './flags.ts';
import { requireRoot } from './privilege.ts';
import type { CommandSpec } from './spec.ts';

/** Not kubeadm's: the certificate of a node, which its kubelet renews by itself as long as it has not expired. */
export const renewKubeletCommand: CommandSpec = {
  name: 'kubelet',
  short: "Renew the kubelet's client certificate of this node, also when it expired",
  long: 'For a node that was away from the cloud until the client certificate of its kubelet expired: with a bootstrap token it gets a new one, in one step, and the kubelet is started again. Pods go on. The API server is the one that this node knows.',
  examples: [
    '# On a control-plane node',
    'edgeadm token create',
    '# On the node',
    'edgeadm certs renew kubelet --token TOKEN',
  ].join('\n'),
  arguments: [{ name: '[host:port]', description: 'where the API server is, when it moved' }],
  flags: [
    textFlag('token', 'token', 'bootstrap token: `edgeadm token create` on a control-plane node prints one', {
      secret: true,
    }),
  ],
  async run(call) {
    requireRoot(call);
    const { token } = call.flags;
    if (typeof token !== 'string' || !/^[a-z0-9]{6}\.[a-z0-9]{16}$/.test(token)) {
      throw new EdgeadmError(
        'E_USAGE',
        '"edgeadm certs renew kubelet" needs --token with a bootstrap token',
        {
          hint: 'Make one on a control-plane node: `edgeadm token create`.',
        },
      );
    }
    const shown = 'edgeadm certs renew kubelet --token=***';
    call.io.showAs?.(shown);
    const [{ openHost }, { renewKubelet }] = await Promise.all([
      import('../host/open.ts'),
      import('../../phases/certs/renew-kubelet.ts'),
    ]);
    const { emit, signal, args } = call;
    const host = await openHost({ emit, command: shown });
    try {
      const renewed = await renewKubelet({ host, emit, signal, token, endpoint: args[0] });
      const text = `${renewed.node} is back: its kubelet has a client certificate until ${renewed.notAfter.slice(0, 10)}`;
      return { data: { ...renewed }, text };
    } finally {
      await host.close();
    }
  },
};
