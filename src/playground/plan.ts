import { EdgeadmError } from '../errors.ts';
import { nodeName, shortName } from './names.ts';
import { macAddressOf, mostNodes, nodeAddress } from './subnet.ts';
import type { NodePlan, NodeRole } from './types.ts';

export interface Counts {
  name: string;
  controlPlanes: number;
  workers: number;
  edges: number;
  sites: number;
}

/** The nodes of a playground with their addresses in `subnet` (a /24): control planes, workers, edge nodes. */
export function planNodes(
  { name, controlPlanes, workers, edges, sites }: Counts,
  subnet: string,
): NodePlan[] {
  const plan = (role: NodeRole, count: number): NodePlan[] =>
    Array.from({ length: count }, (_, at) => {
      const short = shortName(role, at + 1);
      const address = nodeAddress(subnet, role, at + 1);
      return {
        name: nodeName(name, short),
        short,
        role,
        address,
        macAddress: macAddressOf(address),
        site: role === 'edge' ? `site-${(at % sites) + 1}` : 'cloud',
      };
    });
  return [...plan('control-plane', controlPlanes), ...plan('worker', workers), ...plan('edge', edges)];
}

/** Errors: E_USAGE for numbers of nodes that cannot be. */
export function checkCounts({ controlPlanes, workers, edges, sites }: Counts, bare: boolean): void {
  const counts: [string, number, number, number][] = [
    ['--control-planes', controlPlanes, bare ? 0 : 1, mostNodes['control-plane']],
    ['--workers', workers, 0, mostNodes.worker],
    ['--edges', edges, 0, mostNodes.edge],
    ['--sites', sites, 1, Math.max(1, edges)],
  ];
  for (const [flag, value, least, most] of counts) {
    if (Number.isInteger(value) && value >= least && value <= most) continue;
    throw new EdgeadmError(
      'E_USAGE',
      `${flag} is ${value}; it must be a whole number from ${least} to ${most}`,
      {
        hint: `For example ${flag} ${Math.min(Math.max(least, 1), most)}.`,
      },
    );
  }
  if (controlPlanes + workers + edges === 0) {
    throw new EdgeadmError('E_USAGE', 'a playground needs at least one node', {
      hint: 'For example --edges 1.',
    });
  }
}
