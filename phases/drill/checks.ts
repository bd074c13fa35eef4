import type { Workload } from '../../src/edge/lite-apiserver/pods/workload.ts';
import type { LiteApiserverStatus } from '../../src/edge/lite-apiserver/status.ts';
import { type Containers, type ContainerView, podName, type RunningContainer } from './observe/containers.ts';
import { isReady, type Reach } from './observe/reach.ts';
import type { CheckName } from './state.ts';

/** What a look says: `wait` may still pass. */
export interface Look {
  outcome: 'pass' | 'wait' | 'skip';
  message: string;
}

/** Of the node's own process, over its socket; all reject when it does not answer. */
export interface ProxyReader {
  status(): Promise<LiteApiserverStatus>;
  workload(): Promise<Workload>;
}

export interface Sight {
  node: string;
  /** Nodes of this node's site, itself among them. */
  site: ReadonlySet<string>;
  containers: ContainerView;
  reach: Reach;
  proxy: ProxyReader;
  dns: { servers: readonly string[]; domain: string };
  before: Containers;
}

export type Check = (sight: Sight) => Promise<Look>;

const pass = (message: string): Look => ({ outcome: 'pass', message });
const wait = (message: string): Look => ({ outcome: 'wait', message });
const skip = (message: string): Look => ({ outcome: 'skip', message });
const count = (many: number, one: string): string => `${many} ${one}${many === 1 ? '' : 's'}`;
/** The first few of what may be many. */
const some = (names: readonly string[]): string =>
  names.length > 5 ? `${names.slice(0, 5).join(', ')} and ${names.length - 5} more` : names.join(', ');
const tryMs = 1000;

/** The node-local API proxy says that it is offline. */
export const linkNoticed: Check = async ({ proxy }) => {
  const { online, reason } = await proxy.status();
  return online
    ? wait('the node-local API proxy takes the link for whole')
    : pass(`the node-local API proxy is offline: ${reason}`);
};

/** Without those of pods that end by themselves (Jobs). */
export function lasting(containers: Containers, pods: Workload['pods']): Containers {
  const ending = new Set((pods ?? []).filter((pod) => pod.restartPolicy !== 'Always').map(({ uid }) => uid));
  return containers.filter(({ podUid }) => !ending.has(podUid));
}

/** Every container that ran before the cut, of a pod that always runs, runs; HTTP and TCP readiness probes answer. */
const podsRun: Check = async ({ containers, proxy, reach, before }) => {
  const [now, { pods }] = await Promise.all([containers.running(), proxy.workload()]);
  const wanted = lasting(before, pods);
  const key = ({ kind, podUid, name }: RunningContainer) => `${kind} ${podUid} ${name}`;
  const running = new Set(now.map(key));
  const missing = [...new Set(wanted.filter((each) => !running.has(key(each))).map(podName))];
  const all = new Set(wanted.map(({ podUid }) => podUid)).size;
  if (missing.length > 0) return wait(`${missing.length} of ${count(all, 'pod')} not up: ${some(missing)}`);
  const asked: string[] = [];
  const unready: string[] = [];
  for (const pod of pods ?? []) {
    const sandbox = now.find(({ kind, podUid }) => kind === 'sandbox' && podUid === pod.uid);
    if (!sandbox || pod.readiness.length === 0 || isTunnelAgent(pod)) continue;
    const address = await addressOf(containers, sandbox, pod.hostNetwork);
    for (const { container, ...probe } of pod.readiness) {
      const ready = address === undefined ? false : await isReady(reach, address, probe, tryMs);
      if (ready !== undefined) asked.push(pod.name);
      if (ready === false) unready.push(`${pod.namespace}/${pod.name} (${container})`);
    }
  }
  if (unready.length > 0) return wait(`not ready: ${some(unready)}`);
  const probes = asked.length > 0 ? `, ${count(asked.length, 'readiness probe')} answered` : '';
  return pass(`${count(all, 'pod')} run${all === 1 ? 's' : ''}${probes}`);
};

/** It is ready when it has the cloud, which is what it is for. */
const isTunnelAgent = ({ namespace, name }: { namespace: string; name: string }): boolean =>
  namespace === 'kube-system' && name.startsWith('konnectivity-agent-');

async function addressOf(
  containers: ContainerView,
  sandbox: RunningContainer,
  hostNetwork: boolean,
): Promise<string | undefined> {
  if (hostNetwork) return '127.0.0.1';
  const addresses = await containers.addresses(sandbox.pid);
  return [...addresses].find((address) => !/^(127\.|::1$|fe80:)/.test(address));
}

/** Endpoints that the node knows, of pods on it, are addresses that these pods have. */
const endpointsMatch: Check = async ({ containers, proxy, node }) => {
  const { slices } = await proxy.workload();
  if (!slices) return wait(notRead('EndpointSlices'));
  const own = slices.flatMap(({ namespace, service, endpoints }) =>
    endpoints
      .filter(({ nodeName, ready, podUid }) => nodeName === node && ready && podUid !== '')
      .map((endpoint) => ({ ...endpoint, where: `${namespace}/${service}` })),
  );
  if (own.length === 0) return skip('no Service has an endpoint on this node');
  const now = await containers.running();
  const live = new Map<string, ReadonlySet<string>>();
  for (const { kind, podUid, pid } of now) {
    if (kind === 'sandbox') live.set(podUid, await containers.addresses(pid));
  }
  const wrong = own.flatMap(({ addresses, podUid, podName: name, where }) =>
    addresses
      .filter((address) => !live.get(podUid)?.has(address))
      .map((address) => `${where}: ${address} is not an address of ${name}`),
  );
  if (wrong.length > 0) return wait(some(wrong));
  return pass(`${count(own.length, 'endpoint')} of pods on this node`);
};

/** Each TCP port of each ClusterIP Service whose endpoints are all in this site accepts a connection. */
const servicesAnswer: Check = async ({ proxy, reach, site }) => {
  const { services, slices } = await proxy.workload();
  if (!services || !slices) return wait(notRead(services ? 'EndpointSlices' : 'Services'));
  const targets: { name: string; address: string; port: number }[] = [];
  const left: string[] = [];
  for (const { namespace, name, clusterIPs, ports } of services) {
    const endpoints = slices
      .filter((slice) => slice.namespace === namespace && slice.service === name)
      .flatMap((slice) => slice.endpoints)
      .filter(({ ready }) => ready);
    const here = endpoints.filter(({ nodeName }) => site.has(nodeName));
    if (clusterIPs.length === 0 || here.length === 0) continue;
    const label = `${namespace}/${name}`;
    if (here.length < endpoints.length) {
      left.push(`${label} (has endpoints outside the site too)`);
      continue;
    }
    for (const { port, protocol } of ports) {
      if (protocol !== 'TCP') left.push(`${label}:${port} (${protocol})`);
      else for (const address of clusterIPs) targets.push({ name: `${label}:${port}`, address, port });
    }
  }
  const notAsked = left.length > 0 ? `; not asked: ${some(left)}` : '';
  if (targets.length === 0) {
    return skip(`no ClusterIP Service has its endpoints in this site alone, over TCP${notAsked}`);
  }
  const answers = await Promise.all(targets.map(({ address, port }) => reach.tcp(address, port, tryMs)));
  const silent = targets.filter((_, at) => !answers[at]).map(({ name, address }) => `${name} (${address})`);
  if (silent.length > 0) return wait(`no answer from ${some(silent)}${notAsked}`);
  return pass(
    `${count(targets.length, 'port')} of Services answer${targets.length === 1 ? 's' : ''}${notAsked}`,
  );
};

/** The name server of pods answers for the Service `kubernetes`. */
const dnsAnswers: Check = async ({ reach, dns: { servers, domain } }) => {
  if (servers.length === 0) return skip('the kubelet has no clusterDNS');
  const name = `kubernetes.default.svc.${domain}`;
  const found: string[] = [];
  for (const server of servers) {
    try {
      found.push(`${(await reach.resolve(name, server, tryMs)).join(', ')} from ${server}`);
    } catch (error) {
      return wait(`${server} does not answer for ${name}: ${(error as NodeJS.ErrnoException).code}`);
    }
  }
  return pass(`${name} is ${found.join('; ')}`);
};

/** Nothing that ran has another process, or none, now. */
export const nothingRestarted: Check = async ({ containers, before }) => {
  const now = new Map((await containers.running()).map((each) => [each.id, each.pid]));
  const gone = before
    .filter(({ id, pid }) => now.get(id) !== pid)
    .map((each) => `${podName(each)} (${each.name || 'sandbox'})`);
  if (before.length === 0) return skip('nothing ran before');
  if (gone.length > 0) return wait(`ended or started again: ${some(gone)}`);
  return pass(`the same ${count(before.length, 'container')}, sandboxes among them`);
};

const notRead = (what: string): string =>
  `nobody on this node reads ${what} through the node-local API proxy: is kube-proxy here that of edge nodes?`;

/** What is asked while the link is cut, in this order. */
export const offlineChecks: readonly { name: CheckName; check: Check }[] = [
  { name: 'LinkNoticed', check: linkNoticed },
  { name: 'PodsRun', check: podsRun },
  { name: 'EndpointsMatch', check: endpointsMatch },
  { name: 'ServicesAnswer', check: servicesAnswer },
  { name: 'DnsAnswers', check: dnsAnswers },
];
