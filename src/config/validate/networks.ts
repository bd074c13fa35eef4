import {
  addressFamily,
  type Cidr,
  contains,
  formatCidr,
  networkOf,
  overlaps,
  parseAddress,
  size,
} from '../cidr.ts';
import { textAt } from '../fields.ts';
import type { Problems } from '../problems.ts';
import type { EdgeConfiguration, KubeDocument, MachineFacts } from '../types.ts';
import type { ClusterNetworks } from './cluster.ts';

export interface NetworksToValidate {
  networks: ClusterNetworks;
  init: KubeDocument;
  edge: EdgeConfiguration;
  machine: MachineFacts;
  /** Checks that the user wants ignored, in lower case. */
  ignored: ReadonlySet<string>;
  problems: Problems;
}

const podPath = 'networking.podSubnet';
const servicePath = 'networking.serviceSubnet';

/** Networks that would swallow each other's traffic, and families that do not fit together. */
export function validateNetworks({
  networks,
  init,
  edge,
  machine,
  ignored,
  problems,
}: NetworksToValidate): void {
  const { pods, services } = networks;
  const report = problems.of('ClusterConfiguration');
  // kubeadm's default when the field is not there.
  const inUse = services.length > 0 ? services : [networkOf('10.96.0.0/12')!];

  for (const pod of pods) {
    for (const service of inUse) {
      if (!overlaps(pod, service)) continue;
      report(podPath, `${formatCidr(pod)} overlaps the service network ${formatCidr(service)}`, {
        hint: 'Choose networks apart from each other, e.g. 10.244.0.0/16 for pods and 10.96.0.0/12 for services.',
      });
    }
  }
  const lacking = inUse.find(
    (service) => pods.length > 0 && !pods.some((pod) => pod.family === service.family),
  );
  if (lacking) {
    report(podPath, `has no IPv${lacking.family} network, but services do (${formatCidr(lacking)})`, {
      hint: 'Give --pod-network-cidr a CIDR of each family that --service-cidr has.',
    });
  }

  const named = [
    ...pods.map((cidr) => ({ cidr, path: podPath, what: 'the pod network' })),
    ...inUse.map((cidr) => ({ cidr, path: servicePath, what: 'the service network' })),
  ];
  checkAddresses(named, init, edge, problems);
  if (ignored.has('nodenetwork') || ignored.has('all')) return;
  for (const network of nodeNetworks(machine)) {
    for (const { cidr, path } of named) {
      if (!overlaps(cidr, network)) continue;
      report(path, `${formatCidr(cidr)} overlaps this node's own network ${formatCidr(network)}`, {
        hint: 'Choose another network, or go on with --ignore-preflight-errors=NodeNetwork if nothing in the overlap is needed.',
      });
    }
  }
}

function checkAddresses(
  named: readonly { cidr: Cidr; path: string; what: string }[],
  init: KubeDocument,
  edge: EdgeConfiguration,
  problems: Problems,
): void {
  const path = 'localAPIEndpoint.advertiseAddress';
  const text = textAt(init, path);
  const advertise = text === undefined ? undefined : parseAddress(text);
  if (advertise && advertise.value !== 0n) {
    const report = problems.of('InitConfiguration');
    const around = named.find(({ cidr }) => contains(cidr, advertise));
    if (around) {
      report(path, `"${text}" lies in ${around.what} ${formatCidr(around.cidr)}`, {
        hint: 'Choose pod and service networks that hold no address of a node.',
      });
    }
    const first = named.find(({ path: field }) => field === servicePath)!.cidr;
    if (first.family !== advertise.family) {
      report(
        path,
        `"${text}" is IPv${advertise.family}, but the first service network is IPv${first.family}`,
        {
          hint: `Put the IPv${advertise.family} network first in --service-cidr, or advertise an IPv${first.family} address.`,
        },
      );
    }
  }
  const virtual = parseAddress(edge.virtualAddress);
  const around = virtual && named.find(({ cidr }) => contains(cidr, virtual));
  if (around) {
    problems.of('EdgeConfiguration')(
      'virtualAddress',
      `"${edge.virtualAddress}" lies in ${around.what} ${formatCidr(around.cidr)}`,
      {
        hint: 'Keep the default, 169.254.20.11.',
      },
    );
  }
}

/**
 * Networks of the node's links. Loopback and link-local ones are in nobody's way, nor are single addresses: virtual IPs, and
 * what edgeadm itself puts on a dummy link.
 */
function nodeNetworks(machine: MachineFacts): Cidr[] {
  return (machine.addresses ?? []).flatMap((text) => {
    const host = text.split('/')[0]!;
    if (!addressFamily(host) || /^(127\.|169\.254\.|::1$|fe[89ab])/i.test(host)) return [];
    const network = networkOf(text)!;
    return size(network) === 1n ? [] : [network];
  });
}
