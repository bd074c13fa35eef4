import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { EdgeadmError } from '../../src/errors.ts';
import type { DrillMachine } from './machine.ts';

/** Of its own, so that nothing else is touched and one command takes it away. */
export const table = 'edgeadm_drill';

/**
 * nftables rules that lose, without an answer, every packet from and to the given addresses, and what is routed through
 * them (flannel's host-gw). The addresses have a time-out: when it is over the kernel itself forgets them and the link is
 * back, whatever became of systemd and edgeadm. Before connection tracking, so that no connection lives on.
 */
export function cutRules(addresses: readonly string[], seconds: number): string {
  const elements = (family: 4 | 6): string => {
    const own = addresses.filter((address) => isIP(address) === family);
    const list = own.map((address) => `${address} timeout ${Math.max(1, Math.ceil(seconds))}s`).join(', ');
    return own.length > 0 ? ` elements = { ${list} };` : '';
  };
  return `table inet ${table}
delete table inet ${table}
table inet ${table} {
  set cloud4 { type ipv4_addr; flags timeout;${elements(4)} }
  set cloud6 { type ipv6_addr; flags timeout;${elements(6)} }
  chain from { type filter hook prerouting priority -500; ip saddr @cloud4 drop; ip6 saddr @cloud6 drop; }
  chain to {
    type filter hook postrouting priority -500
    ip daddr @cloud4 drop
    ip6 daddr @cloud6 drop
    rt ip nexthop @cloud4 drop
    rt ip6 nexthop @cloud6 drop
  }
}
`;
}

/** Cuts the link for at most so many seconds. Errors: E_COMMAND, E_COMMAND_MISSING. */
export async function cut(
  machine: DrillMachine,
  addresses: readonly string[],
  seconds: number,
): Promise<void> {
  await machine.run({ file: 'nft', args: ['-f', '-'], input: cutRules(addresses, seconds) });
}

/** Takes the cut away; none is no error. Errors: E_COMMAND. */
export async function restore(machine: DrillMachine): Promise<void> {
  const input = `table inet ${table}\ndelete table inet ${table}\n`;
  await machine.run({ file: 'nft', args: ['-f', '-'], input });
}

/** Whether the kernel still loses packets: the rules are there and no address has timed out. */
export async function isCut(machine: DrillMachine, addresses: readonly string[]): Promise<boolean> {
  const { exitCode, stdout } = await machine.run(
    { file: 'nft', args: ['list', 'table', 'inet', table] },
    { allowFailure: true },
  );
  const words = new Set(stdout.split(/[\s,{}=]+/));
  return exitCode === 0 && addresses.every((address) => words.has(address));
}

export type Lookup = (name: string) => Promise<string[]>;

const systemLookup: Lookup = async (name) =>
  (await lookup(name, { all: true })).map(({ address }) => address);

/**
 * Addresses of the control plane: those of the proxy's API servers. Errors: E_EDGE_NODE when a name has none, or it is
 * this node itself.
 */
export async function cloudAddresses(
  servers: readonly string[],
  { find = systemLookup, own = [] }: { find?: Lookup; own?: readonly string[] } = {},
): Promise<string[]> {
  const found = new Set<string>();
  for (const server of servers) {
    const host = new URL(server).hostname.replace(/^\[|\]$/g, '');
    const addresses =
      isIP(host) > 0
        ? [host]
        : await find(host).catch((cause) => {
            throw new EdgeadmError(
              'E_EDGE_NODE',
              `the API server ${server} has no address: ${cause.message}`,
              {
                hint: 'Look the name up on this node: `getent hosts NAME`.',
                cause,
              },
            );
          });
    for (const address of addresses) found.add(address);
  }
  const local = [...found].find((address) => own.includes(address) || /^(127\.|::1$)/.test(address));
  if (local !== undefined) {
    throw new EdgeadmError('E_EDGE_NODE', `the API server is at ${local}, an address of this node itself`, {
      hint: 'A node that reaches the control plane through itself (a load balancer, a VPN) cannot be cut off by address.',
    });
  }
  return [...found];
}
