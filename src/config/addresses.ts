/** Links that containers, pod networks and edgeadm itself bring; what they carry is not the host's own network. */
const foreign =
  /^(lo$|cni|flannel|kube-|docker|br-|veth|virbr|podman|cali|tunl|vxlan|edge|dummy|nodelocaldns)/;

/**
 * `address/prefix` of a host's own links, for MachineFacts. Takes the answer of `networkInterfaces()` of node:os.
 */
export function hostAddresses(
  interfaces: Readonly<Record<string, readonly { cidr: string | null }[] | undefined>>,
): string[] {
  return Object.entries(interfaces)
    .filter(([name]) => !foreign.test(name))
    .flatMap(([, addresses = []]) => addresses.flatMap(({ cidr }) => cidr ?? []))
    .sort();
}
