import {
  addressFamily,
  type Cidr,
  formatCidr,
  networkOf,
  overlaps,
  parseAddress,
} from '../../src/config/cidr.ts';
import type { Host } from '../../src/host/host.ts';
import {
  type Check,
  error,
  type Finding,
  isControlPlane,
  isInit,
  type NodeSettings,
  warning,
} from './check.ts';
import { ownRun } from './own-run.ts';

interface Link {
  name: string;
  addresses: { address: string; prefix: number }[];
}

interface Route {
  destination: string;
  link: string;
}

export interface HostNetwork {
  links: Link[];
  routes: Route[];
}

/** Links that Kubernetes' own networks are on. */
const podLinks = /^(lo|cni\d+|flannel.*|veth.*|kube-.*|cali.*|cilium.*|nodelocaldns)$/;

/** Links with their addresses and the routes of the main table, both families, by iproute2. */
export async function readNetwork(host: Host, signal: AbortSignal): Promise<HostNetwork> {
  const ip = async <T>(...args: string[]): Promise<T[]> => {
    const { stdout } = await host.query(
      { file: 'ip', args: ['-j', ...args], signal },
      { allowFailure: true },
    );
    return stdout.trim() === '' ? [] : (JSON.parse(stdout) as T[]);
  };
  const [links, v4, v6] = await Promise.all([
    ip<{ ifname?: string; addr_info?: { local?: string; prefixlen?: number }[] }>('address', 'show'),
    ip<{ dst?: string; dev?: string }>('-4', 'route', 'show'),
    ip<{ dst?: string; dev?: string }>('-6', 'route', 'show'),
  ]);
  return {
    links: links.map(({ ifname = '', addr_info = [] }) => ({
      name: ifname,
      addresses: addr_info.flatMap(({ local, prefixlen }) =>
        local !== undefined && prefixlen !== undefined ? [{ address: local, prefix: prefixlen }] : [],
      ),
    })),
    routes: [...v4, ...v6].map(({ dst = '', dev = '' }) => ({ destination: dst, link: dev })),
  };
}

/** kubeadm takes the API server's address, and flannel its link, from the default route. */
export const defaultRoute: Check<NodeSettings> = {
  name: 'DefaultRoute',
  async run(host, settings, { signal }) {
    const { links, routes } = await readNetwork(host, signal);
    if (links.length === 0 || routes.some(({ destination }) => destination === 'default')) return [];
    const findings: Finding[] = [];
    const names = links.filter(({ name }) => !podLinks.test(name)).map(({ name }) => name);
    if (isControlPlane(settings) && settings.advertiseAddress === undefined) {
      const fix = `Pass --apiserver-advertise-address with an address of this host${addressList(links)}, or add a default route.`;
      findings.push(error('there is no default route to take the advertise address from', fix));
    }
    if (settings.edge.cni.name === 'flannel' && settings.edge.cni.flannel.interface === undefined) {
      const fix = `Set cni.flannel.interface in an EdgeConfiguration (links here: ${names.join(', ') || 'none'}), or add a default route.`;
      const message = 'there is no default route to take the link for flannel from';
      findings.push(isInit(settings) ? error(message, fix) : warning(message, fix));
    }
    return findings;
  },
};

export const advertiseAddress: Check<NodeSettings> = {
  name: 'AdvertiseAddress',
  applies: (settings) => isControlPlane(settings) && settings.advertiseAddress !== undefined,
  async run(host, settings, { signal }) {
    const address = settings.advertiseAddress!;
    const { links } = await readNetwork(host, signal);
    const wanted = parseAddress(address);
    if (links.length === 0 || !wanted) return [];
    if (/^(127\.|0\.0\.0\.0$|::1?$)/.test(address)) {
      return [
        error(
          `other nodes cannot reach the advertise address ${address}`,
          `Take an address of this host${addressList(links)}.`,
        ),
      ];
    }
    const here = links.some(({ addresses }) =>
      addresses.some((each) => {
        const parsed = parseAddress(each.address);
        return parsed?.family === wanted.family && parsed.value === wanted.value;
      }),
    );
    if (here) return [];
    const fix = `Take an address of this host${addressList(links)}. An address that a load balancer or kube-vip has goes into --control-plane-endpoint.`;
    return [error(`the advertise address ${address} is not an address of this host`, fix)];
  },
};

function addressList(links: readonly Link[]): string {
  const addresses = links
    .filter(({ name }) => !podLinks.test(name))
    .flatMap((link) => link.addresses.map(({ address }) => address))
    .filter((address) => !address.startsWith('fe80:') && addressFamily(address) !== undefined);
  return addresses.length > 0 ? ` (${addresses.join(', ')})` : '';
}

/** Pods could not reach hosts whose addresses lie in the pod or Service network, nor the other way round. */
export const cidrOverlap: Check<NodeSettings> = {
  name: 'CIDROverlap',
  applies: isInit,
  async run(host, settings, { signal }) {
    // The pod network's own routes are there once it runs.
    if (!isInit(settings) || ownRun(host)) return [];
    return overlapsWithHost(await readNetwork(host, signal), settings);
  },
};

/** Findings for each network of the cluster that overlaps with one that the host has a link or a route to. */
export function overlapsWithHost(
  network: HostNetwork,
  cluster: { podSubnet: string; serviceSubnet: string },
): Finding[] {
  const there = hostNetworks(network);
  const findings: Finding[] = [];
  for (const [subnets, flag, what] of [
    [cluster.podSubnet, '--pod-network-cidr', 'pod'],
    [cluster.serviceSubnet, '--service-cidr', 'Service'],
  ] as const) {
    for (const text of subnets.split(',')) {
      const cidr = networkOf(text.trim());
      const found = cidr && there.find((each) => overlaps(each.cidr, cidr));
      if (!found) continue;
      const message = `the ${what} network ${text.trim()} overlaps with ${formatCidr(found.cidr)}, ${found.origin}`;
      const fix = `Choose another with ${flag} when the cluster is made, or other addresses for this host.`;
      findings.push(error(message, fix, 'CIDROverlap'));
    }
  }
  return findings;
}

function hostNetworks({ links, routes }: HostNetwork): { cidr: Cidr; origin: string }[] {
  const texts = [
    ...links.flatMap(({ name, addresses }) =>
      addresses.map(({ address, prefix }) => ({
        text: `${address}/${prefix}`,
        link: name,
        origin: `the network of link ${name}`,
      })),
    ),
    ...routes.map(({ destination, link }) => ({ text: destination, link, origin: `a route by ${link}` })),
  ];
  return texts.flatMap(({ text, link, origin }) => {
    const linkLocal = /^(fe80:|ff00:|default$)/.test(text);
    const cidr = linkLocal || podLinks.test(link) ? undefined : networkOf(text);
    return cidr ? [{ cidr, origin }] : [];
  });
}
