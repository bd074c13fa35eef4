import { BlockList, isIP } from 'node:net';
import { canonicalIp } from './ip.ts';
import type { Asked, Node, Refusal } from './types.ts';

/** What edge nodes may have beside their own addresses, and what nodes outside the control plane may never have. */
export interface AddressPolicy {
  /** Addresses that every edge node serves locally: the edge virtual address, the ClusterIP of `kubernetes`. */
  extraIps: readonly string[];
  /** Names that every edge node serves locally: `kubernetes.default.svc`. */
  extraNames: readonly string[];
  /** Addresses, names and (with a leading dot) name endings that belong to the control plane. */
  reserved: readonly string[];
}

const edgeLabel = 'superedge.io/node-edge';
const controlPlaneLabel = 'node-role.kubernetes.io/control-plane';

/** Names that clients of a cluster call the API server or a service by. */
const reservedNames = ['kubernetes', 'kubernetes.default', '.svc', '.svc.cluster.local'];

const noHost = new BlockList();
noHost.addSubnet('127.0.0.0', 8);
noHost.addSubnet('0.0.0.0', 8);
noHost.addSubnet('224.0.0.0', 3);
noHost.addAddress('::', 'ipv6');
noHost.addAddress('::1', 'ipv6');
noHost.addSubnet('ff00::', 8, 'ipv6');

export const isControlPlane = (node: Node): boolean =>
  node.metadata.labels?.[controlPlaneLabel] !== undefined;

/**
 * The rules that concern the node: every name is the node's own name or one of its status.addresses of the types
 * Hostname, InternalDNS, ExternalDNS; every IP address one of its status.addresses (what kubelets ask for:
 * k8s.io/kubernetes/pkg/kubelet/certificate/kubelet.go, addressesToHostnamesAndIPs). Nodes with the label
 * `superedge.io/node-edge=enable` may also have the extras.
 *
 * A kubelet writes its own status.addresses, and its certificate is signed by the CA that clients trust for the API
 * server. So a node without the control-plane label (which NodeRestriction lets no kubelet set on itself) gets nothing
 * that is reserved, whatever its status says. Addresses of other workers are not checked here.
 */
export function refuseAddresses(asked: Asked, node: Node, policy: AddressPolicy): Refusal | undefined {
  const addresses = node.status?.addresses ?? [];
  const of = (...types: string[]) =>
    addresses.filter(({ type }) => types.includes(type)).map(({ address }) => address);
  const ownNames = new Set([
    asked.nodeName,
    ...of('Hostname', 'InternalDNS', 'ExternalDNS').map((name) => name.toLowerCase()),
  ]);
  const ownIps = new Set(of('Hostname', 'InternalIP', 'ExternalIP').map(canonicalIp));
  const isEdge = node.metadata.labels?.[edgeLabel] === 'enable';
  const extras = new Set(
    isEdge
      ? [...policy.extraIps.map(canonicalIp), ...policy.extraNames.map((name) => name.toLowerCase())]
      : [],
  );
  const left = (names: readonly string[]) => names.filter((name) => !extras.has(name));

  const foreign = [
    ...left(asked.dns).filter((name) => !ownNames.has(name)),
    ...left(asked.ip).filter((ip) => !ownIps.has(ip)),
  ];
  if (foreign.length > 0) {
    return {
      reason: 'SanNotOfNode',
      message: `${foreign.join(', ')} ${foreign.length > 1 ? 'are' : 'is'} not among the addresses of node ${asked.nodeName} (${[...ownNames, ...ownIps].filter(Boolean).join(', ')})`,
      final: false,
    };
  }
  const reserved = isControlPlane(node)
    ? []
    : left([...asked.dns, ...asked.ip]).filter((name) => isReserved(name, policy.reserved));
  if (reserved.length === 0) return undefined;
  return {
    reason: 'SanReserved',
    message: `${reserved.join(', ')} may only be had by a control-plane node`,
    final: false,
  };
}

function isReserved(name: string, more: readonly string[]): boolean {
  const version = isIP(name);
  if (version !== 0)
    return (
      noHost.check(name, version === 4 ? 'ipv4' : 'ipv6') || more.some((each) => canonicalIp(each) === name)
    );
  return [...reservedNames, ...more].some((each) => {
    const wanted = each.toLowerCase();
    return wanted.startsWith('.') ? name.endsWith(wanted) : name === wanted;
  });
}
