import type { EdgeHealthSettings } from '../../config/edge-health.ts';
import { readInCluster } from '../../kube/in-cluster.ts';
import { type Connection, type KubeconfigSource, readKubeconfig } from '../../kube/kubeconfig.ts';
import { createTransport } from '../../kube/transport.ts';
import { openWatch } from '../../kube/watch.ts';
import type { Emit } from '../../workflow/events.ts';
import type { DutyContext, MakeDuty } from './duty.ts';
import { edgeHealthDuty } from './edge-health/duty.ts';
import { eventRecorder } from './events.ts';
import { serveHealth } from './health.ts';
import type { AddressPolicy } from './kubelet-serving/address-rules.ts';
import { kubeletServingDuty } from './kubelet-serving/duty.ts';
import { type LeaderElectionOptions, lead } from './leader-election.ts';
import { createMetrics, type Metrics } from './metrics.ts';

export interface ControllerOptions {
  /** Aborts it: the lease is given back and the promise resolves. */
  signal: AbortSignal;
  emit: Emit;
  /** Default: the ServiceAccount of the pod. */
  kubeconfig?: KubeconfigSource;
  /** Default: the Lease kube-system/edgeadm-controller. False: it leads without asking. */
  leaderElection?:
    | false
    | (Pick<LeaderElectionOptions, 'identity' | 'timing'> & { lease?: LeaderElectionOptions['lease'] });
  /** `host:port` of /healthz, /readyz and /metrics. Default 127.0.0.1:10300; false: none. */
  healthAddress?: string | false;
  /** What kubelet serving certificates may hold; see AddressPolicy. Default: the node's own addresses only. */
  addresses?: Partial<AddressPolicy>;
  /** Whether it approves kubelets' serving certificates. Default true. */
  kubeletServing?: boolean;
  /** Settings of the duty edge-health; without them it is off. */
  edgeHealth?: EdgeHealthSettings;
  /** Called once it listens, with the address. */
  onListening?(address: string): void;
}

const defaultHealthAddress = '127.0.0.1:10300';
const defaultLease = { namespace: 'kube-system', name: 'edgeadm-controller' };

const source = 'controller';
const requestTimeoutMs = 30_000;
/** A lease that is not looked at for so long means that this process hangs. Twice kube-controller-manager's 20 s. */
const stalledMs = 40_000;

/**
 * The in-cluster controller: leads by a Lease and does its duties while it does.
 * Resolves when the signal aborts. Errors: E_KUBE_API (no credentials), E_USAGE (health address).
 */
export async function runController(options: ControllerOptions): Promise<void> {
  const { signal, emit } = options;
  const connection = await (options.kubeconfig ? readKubeconfig(options.kubeconfig) : readInCluster());
  const transport = createTransport(connection, { timeoutMs: requestTimeoutMs });
  const log = (message: string) => emit({ type: 'log', level: 0, message, source });
  const warn = (message: string) => emit({ type: 'warning', message });
  const metrics = createMetrics();
  const state = watchState(transport);
  metrics.gauge('edgeadm_controller_leader', 'Whether this replica leads.', () => (state.leads ? 1 : 0));
  const duties = makeDuties(options, connection).map((make) => make(metrics));

  const context = (within: AbortSignal): DutyContext => ({
    transport: state.transport,
    openWatch: (path, { idleTimeoutMs }) => openWatch(connection, path, { signal: within, idleTimeoutMs }),
    signal: within,
    log,
    warn,
    record: eventRecorder({ transport, signal: within, onError: (error) => warn(error.message) }),
  });
  const work = async (within: AbortSignal) => {
    await Promise.all(duties.map((duty) => duty.run(context(within))));
  };

  const health =
    options.healthAddress === false
      ? undefined
      : await serveHealth(options.healthAddress ?? defaultHealthAddress, {
          live: () =>
            options.leaderElection !== false && state.silentMs() > stalledMs
              ? 'the lease is not looked at any more'
              : undefined,
          ready: () => (state.answered ? undefined : 'the API server has not answered yet'),
          metrics: () => metrics.text(),
        });
  if (health) options.onListening?.(health.address);
  try {
    log(`started with ${connection.server.host}${health ? `, health and metrics on ${health.address}` : ''}`);
    if (options.leaderElection === false) {
      state.leads = true;
      await work(signal);
    } else {
      const { lease = defaultLease, ...election } = options.leaderElection ?? {};
      await lead({
        ...election,
        lease,
        transport: state.transport,
        signal,
        work,
        onChange({ isLeader, holder }) {
          state.leads = isLeader;
          log(isLeader ? `leads as ${holder}` : holder ? `stands by for ${holder}` : 'leads no more');
        },
        onError: (error) => warn(`lease ${lease.namespace}/${lease.name}: ${error.message}`),
      });
    }
  } finally {
    await health?.close();
  }
}

function makeDuties(options: ControllerOptions, connection: Connection): MakeDuty[] {
  const { addresses = {}, kubeletServing = true, edgeHealth } = options;
  const policy: AddressPolicy = {
    extraIps: addresses.extraIps ?? [],
    extraNames: addresses.extraNames ?? [],
    // In a pod this is the ClusterIP of `kubernetes`.
    reserved: [...(addresses.reserved ?? []), connection.server.hostname.replace(/^\[|\]$/g, '')],
  };
  return [
    ...(kubeletServing ? [(metrics: Metrics) => kubeletServingDuty(policy, metrics)] : []),
    ...(edgeHealth ? [(metrics: Metrics) => edgeHealthDuty(edgeHealth, metrics)] : []),
  ];
}

/** Watches what a transport does, for the health checks. */
function watchState(inner: DutyContext['transport']) {
  let lastAttempt = performance.now();
  const state = {
    leads: false,
    /** Whether any request was answered well so far. */
    answered: false,
    silentMs: () => performance.now() - lastAttempt,
    transport: {
      async send(...args) {
        lastAttempt = performance.now();
        const answer = await inner.send(...args);
        state.answered = true;
        return answer;
      },
    } satisfies DutyContext['transport'] as DutyContext['transport'],
  };
  return state;
}
