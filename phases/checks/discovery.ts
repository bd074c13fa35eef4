import { findDocument } from '../../src/config/documents.ts';
import { textAt } from '../../src/config/fields.ts';
import { parseGoDuration } from '../../src/config/goduration.ts';
import type { JoinSettings } from '../../src/config/types.ts';
import type { Host } from '../../src/host/host.ts';
import type { Cluster, DiscoveryOptions } from '../../src/kube/discovery.ts';
import type { DiscoveryReason } from '../../src/kube/discovery-error.ts';
import { type Check, type CheckContext, error, type Finding, warning } from './check.ts';
import { hostTime } from './clock.ts';
import { overlapsWithHost, readNetwork } from './network.ts';
import { isDone, ownRun } from './own-run.ts';
import { skewFindings } from './versions.ts';

/** kubeadm itself waits five minutes; who waits for a preflight wants to know sooner. timeouts.discovery of a JoinConfiguration counts. */
const defaultTimeoutMs = 30_000;

/** Certificates that the cluster makes are back-dated by five minutes (kubeadm's and kube-controller-manager's). */
const clockLimitsMs = { error: 300_000, warning: 10_000 };

const names: Readonly<Record<DiscoveryReason, string>> = {
  unreachable: 'APIServerReachable',
  'not-kubernetes': 'APIServerReachable',
  certificate: 'APIServerReachable',
  malformed: 'APIServerReachable',
  anonymous: 'DiscoveryToken',
  token: 'DiscoveryToken',
  signature: 'DiscoveryToken',
  'ca-hash': 'CACertHash',
  clock: 'ClockSkew',
};

/** Finds the cluster as kubeadm join will, and asks it what a bootstrap token may ask. */
export const discovery: Check<JoinSettings> = {
  name: 'Discovery',
  timeoutMs: 600_000,
  applies: ({ endpoint, token, discoveryFile }) =>
    discoveryFile !== undefined || (endpoint !== undefined && token !== undefined),
  async run(host, settings, context) {
    if (isDone(host, 'join')) return [];
    const { DiscoveryError } = await import('../../src/kube/discovery-error.ts');
    const options: DiscoveryOptions = {
      timeoutMs: timeoutOf(settings),
      signal: context.signal,
      now: await clockOf(host, context.signal),
    };
    try {
      const cluster = await find(host, settings, options);
      return [
        ...(await clockFindings(cluster.clockSkewMs)),
        ...skewFindings(cluster.kubernetesVersion, context.package?.kubernetesVersion, settings.controlPlane),
        ...(await askCluster(host, settings, cluster, context, options)),
      ];
    } catch (thrown) {
      if (!(thrown instanceof DiscoveryError)) throw thrown;
      const clock = thrown.reason === 'clock' ? [] : await clockFindings(thrown.clockSkewMs ?? 0);
      return [error(thrown.message, thrown.hint ?? '', names[thrown.reason]), ...clock];
    }
  },
};

function timeoutOf({ documents }: JoinSettings): number {
  const text = textAt(findDocument(documents, 'JoinConfiguration'), 'timeouts.discovery');
  const given = text === undefined ? undefined : parseGoDuration(text);
  return given !== undefined && given > 0 ? given : defaultTimeoutMs;
}

/** The host's clock, which is not this process's when the host is a remote one. */
async function clockOf(host: Host, signal: AbortSignal): Promise<() => number> {
  const before = Date.now();
  const there = await hostTime(host, signal);
  const offset = there === undefined ? 0 : there - (before + Date.now()) / 2;
  return () => Date.now() + offset;
}

async function find(host: Host, settings: JoinSettings, options: DiscoveryOptions): Promise<Cluster> {
  const kube = await import('../../src/kube/discovery.ts');
  const { discoveryFile, endpoint, token, caCertHashes } = settings;
  if (discoveryFile === undefined) {
    return kube.discoverByToken({ ...options, endpoint: endpoint!, token: token!, caCertHashes });
  }
  const { DiscoveryError } = await import('../../src/kube/discovery-error.ts');
  const text = /^https:/.test(discoveryFile)
    ? await kube.fetchKubeconfig(discoveryFile, options)
    : await host.readText(discoveryFile);
  if (text === undefined) {
    throw new DiscoveryError('malformed', `the discovery file ${discoveryFile} does not exist`, {
      hint: 'It is a kubeconfig with one cluster, or the https URL of one.',
    });
  }
  return kube.discoverByKubeconfig(text, options);
}

async function clockFindings(skewMs: number): Promise<Finding[]> {
  if (Math.abs(skewMs) < clockLimitsMs.warning) return [];
  const { describeSkew } = await import('../../src/kube/discovery-error.ts');
  const message = `this host's clock is ${describeSkew(skewMs)}`;
  const fix = 'Set it (`timedatectl set-time`, or an NTP server that this host can reach) and join again.';
  const make = Math.abs(skewMs) >= clockLimitsMs.error ? error : warning;
  return [make(message, fix, 'ClockSkew')];
}

/** Questions to the address that the cluster itself names, which is the one that kubeadm and the kubelet will use. */
async function askCluster(
  host: Host,
  settings: JoinSettings,
  cluster: Cluster,
  { signal }: CheckContext,
  options: DiscoveryOptions,
): Promise<Finding[]> {
  const token = settings.tlsBootstrapToken ?? settings.token;
  // In the middle of our own run, the node and its routes may be there already.
  if (token === undefined || ownRun(host)) return [];
  const { clusterNetworks, nodeState } = await import('../../src/kube/discovery.ts');
  const { nodeName } = settings;
  const [state, networks] = await Promise.all([
    nodeState(cluster, nodeName, token, options),
    clusterNetworks(cluster, token, options),
  ]);
  const findings = networks ? overlapsWithHost(await readNetwork(host, signal), networks) : [];
  if (state === 'ready') {
    const fix = `Pass another --node-name, or remove that node first: \`kubectl delete node ${nodeName}\`.`;
    findings.push(error(`the cluster has a node ${nodeName} already, and it is Ready`, fix, 'NodeName'));
  }
  if (state === 'not-ready') {
    const fix = 'If it is another machine that is offline, pass another --node-name.';
    findings.push(
      warning(
        `the cluster has a node ${nodeName} already, not Ready; this host takes its place`,
        fix,
        'NodeName',
      ),
    );
  }
  return findings;
}
