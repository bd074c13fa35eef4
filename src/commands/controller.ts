import type { EdgeHealthSettings } from '../config/edge-health.ts';
import type { FlagSpec } from '../config/flags/spec.ts';
import { EdgeadmError } from '../errors.ts';
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
    name: 'kubelet-serving-approver',
    value: 'bool',
    default: true,
    description: 'approve serving certificates of kubelets',
  },
  {
    ...own,
    name: 'edge-health',
    value: 'string',
    argName: 'json',
    description:
      'keep pods of edge nodes that are only cut off; settings of the addon edge-health, {} for its defaults',
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

/** Errors: E_USAGE. */
async function edgeHealth(text: string): Promise<EdgeHealthSettings> {
  const { readEdgeHealthSettings } = await import('../config/edge-health.ts');
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    given = text;
  }
  const { settings, faults } = readEdgeHealthSettings(given);
  const [fault] = faults;
  if (!fault) return settings;
  const place = fault.field ? `--edge-health: ${fault.field}` : '--edge-health';
  throw new EdgeadmError('E_USAGE', `${place}: ${fault.message}`, { hint: fault.hint });
}

/** Run by the Deployment kube-system/edgeadm-controller; nobody types it. */
export const controllerCommand: CommandSpec = {
  name: 'controller',
  short: 'Run the in-cluster controller',
  long: 'Approves the serving certificates that kubelets ask for (kubernetes.io/kubelet-serving) when they hold nothing but addresses of the node that asks. With --edge-health it also keeps the pods of edge nodes that lost nothing but their link to the cloud.',
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
      ...(given.kubeletServingApprover === false && { kubeletServing: false }),
      ...(given.edgeHealth !== undefined && { edgeHealth: await edgeHealth(given.edgeHealth as string) }),
      addresses: {
        extraIps: strings('extraSanIps'),
        extraNames: strings('extraSanNames'),
        reserved: strings('reservedSans'),
      },
    });
    return undefined;
  },
};
