import { dirname } from 'node:path/posix';
import { disconnectedFile } from './image-recipe.ts';
import type { Provider } from './provider.ts';
import { machineAddress } from './subnet.ts';
import type { Playground, PlaygroundNode } from './types.ts';

const table = 'edgeadm_playground';

/**
 * The nodes that a disconnected node still reaches: those of its own site that are no control plane. A control plane
 * itself reaches none.
 */
export function neighbours(playground: Playground, node: PlaygroundNode): PlaygroundNode[] {
  if (node.role === 'control-plane') return [];
  return playground.nodes.filter(
    (other) => other.name !== node.name && other.site === node.site && other.role !== 'control-plane',
  );
}

/**
 * nftables rules for a node's own network namespace that lose, without an answer, what comes from or goes to anything but
 * this machine and `allowed`. Routed pod traffic (flannel's host-gw) is told by its next hop; tunnelled pod traffic
 * (VXLAN) by its outer addresses. The priority is before connection tracking, so that no connection lives on.
 */
export function disconnectRules(subnet: string, allowed: readonly string[]): string {
  const addresses = [machineAddress(subnet), ...allowed].join(', ');
  const fromAway = `iifname "eth0" ip saddr ${subnet} ip saddr != @site drop`;
  const toAway = 'oifname "eth0" rt ip nexthop != @site drop';
  return `table inet ${table}
delete table inet ${table}
table inet ${table} {
  set site { type ipv4_addr; elements = { ${addresses} } }
  chain input { type filter hook input priority -500; ${fromAway}; }
  chain output { type filter hook output priority -500; ${toAway}; }
  chain forward { type filter hook forward priority -500; ${fromAway}; ${toAway}; }
}
`;
}

/** Cuts a node off. The rules are also kept in the node, whose next boot loads them before its network is used. */
export async function disconnect(
  provider: Provider,
  playground: Playground,
  node: PlaygroundNode,
): Promise<void> {
  const allowed = neighbours(playground, node).map(({ address }) => address);
  const script = 'mkdir -p "$2" && cat > "$1.new" && nft -f "$1.new" && mv "$1.new" "$1"';
  await provider.exec(node.name, ['sh', '-c', script, 'sh', disconnectedFile, dirname(disconnectedFile)], {
    input: disconnectRules(playground.subnet, allowed),
  });
}

/** Takes the cut away; a node that was not cut off is left as it is. */
export async function reconnect(provider: Provider, node: PlaygroundNode): Promise<void> {
  await provider.exec(node.name, [
    'sh',
    '-c',
    'rm -f "$1" && printf "table inet %s\\ndelete table inet %s\\n" "$2" "$2" | nft -f -',
    'sh',
    disconnectedFile,
    table,
  ]);
}
