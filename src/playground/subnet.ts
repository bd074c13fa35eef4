import { type Cidr, formatCidr, networkOf, overlaps, parseCidr } from '../config/cidr.ts';
import { EdgeadmError } from '../errors.ts';
import type { NodeRole } from './types.ts';

/** Clear of kubeadm's defaults (10.96.0.0/12, 10.244.0.0/16) and of podman's own networks (10.88.0.0/16, 10.89.0.0/16). */
const pools = ['10.120', '10.121', '172.29'];

/**
 * The first /24 that overlaps nothing in `taken` (CIDRs or addresses with prefix: the machine's routes, other networks,
 * the pod and service networks of the cluster to come).
 * Errors: E_PLAYGROUND when there is none.
 */
export function pickSubnet(taken: readonly string[]): string {
  const used = taken.map(networkOf).filter((cidr): cidr is Cidr => cidr !== undefined && cidr.prefix > 0);
  for (const pool of pools) {
    for (let third = 0; third < 256; third += 1) {
      const subnet = networkOf(`${pool}.${third}.0/24`)!;
      if (!used.some((cidr) => overlaps(cidr, subnet))) return formatCidr(subnet);
    }
  }
  throw new EdgeadmError(
    'E_PLAYGROUND',
    `no free network among ${pools.map((pool) => `${pool}.0.0/16`).join(', ')}`,
    {
      hint: 'Delete playgrounds (`edgeadm playground list`), or look at `ip route` for a route that takes all of 10.0.0.0/8 and 172.16.0.0/12.',
    },
  );
}

/** Last number of the first address of each role; see docs/playground.md. */
const firstAddress: Record<NodeRole, number> = { 'control-plane': 11, worker: 21, edge: 101 };
export const mostNodes: Record<NodeRole, number> = { 'control-plane': 9, worker: 79, edge: 150 };

const hostAddress = (subnet: string, last: number): string => subnet.replace(/\.0\/24$/, `.${last}`);

/** The machine's own address in the network. */
export const machineAddress = (subnet: string): string => hostAddress(subnet, 1);

/** Carried by the control planes together when there is more than one. */
export const virtualAddress = (subnet: string): string => hostAddress(subnet, 5);

/** `index` counts from 1 within the role. */
export const nodeAddress = (subnet: string, role: NodeRole, index: number): string =>
  hostAddress(subnet, firstAddress[role] + index - 1);

/** A locally administered MAC address made from an IPv4 address, so that a node keeps it over reboots. */
export function macAddressOf(address: string): string {
  const bytes = address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  return ['02', 'ed', ...bytes].join(':');
}

/** Errors: E_CONFIG_INVALID for a text that is no CIDR (pod and service networks of a user's configuration). */
export function checkCidr(text: string, field: string): string {
  const result = parseCidr(text.trim());
  if ('cidr' in result) return formatCidr(result.cidr);
  throw new EdgeadmError('E_CONFIG_INVALID', `${field}: "${text}" ${result.reason}`, {
    hint: `Write it as ${result.suggestion ?? '10.244.0.0/16'}.`,
  });
}
