import { type LiteApiserverConfig, toConfig } from '../../../src/edge/lite-apiserver/config.ts';
import type { PodNeeds } from '../../../src/edge/lite-apiserver/pods/needs.ts';
import type { LiteApiserverStatus } from '../../../src/edge/lite-apiserver/status.ts';
import type { Host } from '../../../src/host/host.ts';
import { paths } from '../../../src/host/paths.ts';
import { readUnits } from '../../checks/units.ts';
import { liteApiserverUnit } from '../../node/lite-apiserver.ts';
import type { OfflineFacts } from '../facts.ts';
import { readCertificates } from './certificates.ts';
import { readClock } from './clock.ts';
import { readDisks, writtenPerHour } from './disks.ts';
import { readImages, sandboxImage } from './images.ts';
import { hasDefaultRoute, readAddresses } from './network.ts';

/** Of the node's own process, over its Unix socket; both reject when it does not answer. */
export interface ProxyView {
  status(): Promise<LiteApiserverStatus>;
  pods(): Promise<PodNeeds[] | null>;
}

export interface GatherOptions {
  node: string;
  signal: AbortSignal;
  proxy: ProxyView;
  /** Milliseconds since 1970; the one clock of the check. */
  now: () => number;
  /** After which a look counts as failed. */
  limitMs: number;
}

const units = ['containerd.service', 'kubelet.service', liteApiserverUnit];

/** Looks at everything at once; reads only. What fails is told in `unknown`, and nothing is thrown for it. */
export async function gatherFacts(
  host: Host,
  { node, signal, proxy, now, limitMs }: GatherOptions,
): Promise<OfflineFacts> {
  const unknown: { what: string; why: string }[] = [];
  const limited = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
  const look = async <T>(what: string, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      unknown.push({ what, why: limited.aborted ? 'no answer in time' : (error as Error).message });
      return undefined;
    }
  };
  const config = await look('the configuration of the node-local API proxy', () => readConfig(host));
  const [
    certificates,
    kubeletServer,
    status,
    pods,
    images,
    sandbox,
    unitFacts,
    addresses,
    route,
    clock,
    disks,
  ] = await Promise.all([
    readCertificates(host, config),
    serverOfKubelet(host),
    proxy.status().catch(() => undefined),
    look('what pods need', () => proxy.pods()),
    look('images', () => readImages(host, limited)),
    look('the image of sandboxes', () => sandboxImage(host)),
    look('units', () => readUnits(host, units, limited)),
    look('addresses', () => readAddresses(host, limited)),
    look('routes', () => hasDefaultRoute(host, limited)),
    look('the clock', () => readClock(host, limited)),
    look('disks', () => readDisks(host, limited)),
  ]);
  const written = await look('what is written to the disk', () => writtenPerHour(host, disks ?? []));
  const wanted = config?.edgeLink?.addresses;
  return {
    node,
    now: now(),
    certificates,
    kubeletServer,
    proxy: status,
    pods: pods ?? undefined,
    images,
    sandboxImage: sandbox,
    units: unitFacts ?? [],
    edgeLink: wanted && addresses ? { wanted, present: addresses } : undefined,
    hasDefaultRoute: route,
    clock: clock ?? { hasHardwareClock: true },
    disks: disks ?? [],
    writtenPerHour: written,
    // Without the process there is a finding already that says so.
    unknown: unknown.filter(({ what }) => status || what !== 'what pods need'),
  };
}

async function readConfig(host: Host): Promise<LiteApiserverConfig | undefined> {
  const path = paths.liteApiserverConfig;
  const text = await host.readText(path);
  if (text === undefined) return undefined;
  const { parseYaml } = await import('../../../src/config/yaml.ts');
  return toConfig(parseYaml({ text, path })[0]);
}

async function serverOfKubelet(host: Host): Promise<string> {
  const { serverIn } = await import('../../../src/kube/kubeconfig.ts');
  return serverIn((await host.readText(paths.kubeletConf)) ?? '') ?? '';
}
