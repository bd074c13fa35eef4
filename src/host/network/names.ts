/**
 * What Kubernetes, kube-proxy, the CNI plugins, flannel and edgeadm's own addons make on a host's network. Only these are
 * ever removed by undo, and only when they were not there before.
 *
 * Sources: kubernetes pkg/proxy/{iptables,ipvs,nftables} and pkg/kubelet/kubelet_network_linux.go; flannel
 * pkg/backend/vxlan and pkg/trafficmngr; containernetworking/plugins plugins/{main/bridge,meta/portmap,meta/firewall}
 * and pkg/ip/ipmasq_nftables_linux.go; node-local-dns.
 */

/** The link that carries the edge virtual address. */
export const edgeLink = 'edgeadm0';

/** Bridge of the CNI's bridge plugin, which flannel's delegates to. */
export const podBridge = 'cni0';

const links = new Set([podBridge, edgeLink, 'kube-ipvs0', 'nodelocaldns']);
const linkPatterns = [/^flannel\.\d+$/, /^flannel-v6\.\d+$/];

const chainPrefixes = ['KUBE-', 'CNI-', 'FLANNEL-'];

/** nft tables as `family name`. */
const nftTables = new Set([
  'ip kube-proxy',
  'ip6 kube-proxy',
  'ip cni_hostport',
  'ip6 cni_hostport',
  'inet cni_plugins_masquerade',
  'ip flannel-ipv4',
  'ip6 flannel-ipv6',
]);

export function isOwnLink(name: string): boolean {
  return links.has(name) || linkPatterns.some((pattern) => pattern.test(name));
}

export function isOwnChain(name: string): boolean {
  return chainPrefixes.some((prefix) => name.startsWith(prefix));
}

export function isOwnNftTable(familyAndName: string): boolean {
  return nftTables.has(familyAndName);
}

export function isOwnIpset(name: string): boolean {
  return name.startsWith('KUBE-');
}

/** Network namespaces of Pods, made by containerd. */
export function isOwnNamespace(name: string): boolean {
  return name.startsWith('cni-');
}
