import { defaultName } from './names.ts';
import type { NodeRole, Playground } from './types.ts';

const roleNames: Record<NodeRole, [string, string]> = {
  'control-plane': ['control plane', 'control planes'],
  worker: ['worker', 'workers'],
  edge: ['edge node', 'edge nodes'],
};

/** `1 control plane, 2 edge nodes` */
function describeNodes({ nodes }: Playground): string {
  return (Object.keys(roleNames) as NodeRole[])
    .map((role) => ({ role, count: nodes.filter((node) => node.role === role).length }))
    .filter(({ count }) => count > 0)
    .map(({ role, count }) => `${count} ${roleNames[role][count === 1 ? 0 : 1]}`)
    .join(', ');
}

/** What to type after a create. */
export function nextSteps(playground: Playground): string {
  const name = playground.name === defaultName ? '' : ` --name ${playground.name}`;
  const edgeadm = (words: string): string => `  edgeadm playground ${words}`;
  const node = playground.nodes.find(({ role }) => role === 'edge') ?? playground.nodes[0];
  const first = playground.nodes[0];
  if (playground.bare) {
    return [
      `Playground "${playground.name}" is up: ${describeNodes(playground)}, nothing installed on them.`,
      '',
      edgeadm(`exec ${first?.name} -- bash`),
      '  # in the node: edgeadm and its install package are there',
      '  edgeadm init --install-pkg-path /opt/edgeadm/*.tar.zst',
      edgeadm(`delete${name}`),
    ].join('\n');
  }
  return [
    `Playground "${playground.name}" is ready: Kubernetes ${playground.kubernetesVersion ?? ''}, ${describeNodes(playground)}.`,
    '',
    edgeadm(`kubectl${name} get nodes`),
    edgeadm(`exec ${node?.name} -- bash`),
    edgeadm(`disconnect ${node?.name}`),
    edgeadm(`reboot ${node?.name} --power-cut`),
    edgeadm(`delete${name}`),
  ].join('\n');
}

/** A table of all nodes, for people. */
export function formatList(playgrounds: readonly Playground[]): string {
  if (playgrounds.length === 0) return 'There is no playground. Make one: edgeadm playground create';
  const rows = [
    ['PLAYGROUND', 'NODE', 'ROLE', 'SITE', 'ADDRESS', 'STATE', 'KUBERNETES'],
    ...playgrounds.flatMap((playground) =>
      playground.nodes.map((node) => [
        playground.name,
        node.name,
        node.role,
        node.site,
        node.address,
        node.disconnected ? `${node.state}, disconnected` : node.state,
        playground.bare ? '-' : (playground.kubernetesVersion ?? '-'),
      ]),
    ),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
