import type { FlagSpec } from '../config/flags/spec.ts';
import type { CommandSpec } from './spec.ts';

const own = { group: 'edgeadm', withConfig: true } as const;

const flags: readonly FlagSpec[] = [
  {
    ...own,
    name: 'kubeconfig',
    value: 'string',
    argName: 'file',
    description: 'cluster and credentials (default: the ServiceAccount of the pod)',
  },
  {
    ...own,
    name: 'leader-elect',
    value: 'bool',
    default: true,
    description: 'work only while holding the Lease kube-system/edgeadm-controller',
  },
  {
    ...own,
    name: 'health-address',
    value: 'string',
    argName: 'host:port',
    default: '127.0.0.1:10300',
    description: 'where /healthz, /readyz and /metrics are served, to anyone who can reach it',
  },
  {
    ...own,
    name: 'extra-san-ips',
    value: 'strings',
    argName: 'addresses',
    description: 'addresses that serving certificates of edge nodes may have beside the node’s own',
  },
  {
    ...own,
    name: 'extra-san-names',
    value: 'strings',
    argName: 'names',
    description: 'names that serving certificates of edge nodes may have beside the node’s own',
  },
  {
    ...own,
    name: 'reserved-sans',
    value: 'strings',
    argName: 'sans',
    description:
      'addresses, names and .endings that only control-plane nodes may have in serving certificates',
  },
];

/** Run by the Deployment kube-system/edgeadm-controller; nobody types it. */
export const controllerCommand: CommandSpec = {
  name: 'controller',
  short: 'Run the in-cluster controller',
  long: 'Approves the serving certificates that kubelets ask for (kubernetes.io/kubelet-serving) when they hold nothing but addresses of the node that asks.',
  examples: ['edgeadm controller --kubeconfig /etc/kubernetes/admin.conf --leader-elect=false'].join('\n'),
  flags,
  hidden: true,
  async run({ flags: given, signal, emit }) {
    const { runController } = await import('../edge/controller/run.ts');
    const strings = (name: string) => (given[name] as string[] | undefined) ?? [];
    await runController({
      signal,
      emit,
      ...(given.kubeconfig !== undefined && { kubeconfig: { kubeconfigPath: given.kubeconfig as string } }),
      ...(given.leaderElect === false && { leaderElection: false as const }),
      ...(given.healthAddress !== undefined && { healthAddress: given.healthAddress as string }),
      addresses: {
        extraIps: strings('extraSanIps'),
        extraNames: strings('extraSanNames'),
        reserved: strings('reservedSans'),
      },
    });
    return undefined;
  },
};
