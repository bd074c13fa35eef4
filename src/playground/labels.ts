import type { ProvidedNetwork, ProvidedNode } from './provider.ts';
import type { NodePlan, NodeRole, Playground, PlaygroundNode } from './types.ts';

/** On everything a playground is made of; its value is the playground's name. */
export const playgroundLabel = 'io.edgeadm.playground';

const key = (name: string): string => `${playgroundLabel}.${name}`;

const roles: readonly NodeRole[] = ['control-plane', 'worker', 'edge'];

export interface PlaygroundFacts {
  name: string;
  subnet: string;
  bare: boolean;
  kubernetesVersion: string | undefined;
  packageDigest: string | undefined;
}

export function networkLabels(facts: PlaygroundFacts): Record<string, string> {
  return {
    [playgroundLabel]: facts.name,
    [key('subnet')]: facts.subnet,
    [key('bare')]: String(facts.bare),
    ...(facts.kubernetesVersion && { [key('kubernetes-version')]: facts.kubernetesVersion }),
    ...(facts.packageDigest && { [key('package')]: facts.packageDigest }),
  };
}

export function nodeLabels(playground: string, node: NodePlan): Record<string, string> {
  return {
    [playgroundLabel]: playground,
    [key('node')]: node.short,
    [key('role')]: node.role,
    [key('site')]: node.site,
    [key('address')]: node.address,
    [key('mac-address')]: node.macAddress,
  };
}

/**
 * Puts playgrounds together from what a provider lists. Nodes whose network is gone (a delete that was cut short) still
 * make a playground, so that `delete` finds them.
 */
export function readPlaygrounds(
  networks: readonly ProvidedNetwork[],
  nodes: readonly ProvidedNode[],
  isDisconnected: (node: ProvidedNode) => boolean,
): Playground[] {
  const found = new Map<string, Playground>();
  for (const { name: network, labels, created } of networks) {
    const name = labels[playgroundLabel];
    if (name === undefined) continue;
    found.set(name, {
      name,
      network,
      subnet: labels[key('subnet')] ?? '',
      created,
      bare: labels[key('bare')] === 'true',
      kubernetesVersion: labels[key('kubernetes-version')],
      packageDigest: labels[key('package')],
      nodes: [],
    });
  }
  for (const provided of nodes) {
    const name = provided.labels[playgroundLabel];
    if (name === undefined) continue;
    const playground: Playground = found.get(name) ?? {
      name,
      network: '',
      subnet: '',
      created: provided.created,
      bare: true,
      kubernetesVersion: undefined,
      packageDigest: undefined,
      nodes: [],
    };
    found.set(name, playground);
    playground.nodes.push(readNode(name, provided, isDisconnected(provided)));
  }
  for (const playground of found.values()) playground.nodes.sort(byRoleAndNumber);
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function readNode(playground: string, provided: ProvidedNode, disconnected: boolean): PlaygroundNode {
  const label = (name: string): string => provided.labels[key(name)] ?? '';
  return {
    playground,
    name: provided.name,
    short: label('node') || provided.name,
    role: roles.find((role) => role === label('role')) ?? 'worker',
    address: label('address'),
    macAddress: label('mac-address'),
    site: label('site'),
    state: provided.state,
    disconnected,
  };
}

function byRoleAndNumber(a: PlaygroundNode, b: PlaygroundNode): number {
  return (
    roles.indexOf(a.role) - roles.indexOf(b.role) || a.name.localeCompare(b.name, 'en', { numeric: true })
  );
}
