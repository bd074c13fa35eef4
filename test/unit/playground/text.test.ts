import { describe, expect, it } from 'vitest';
import { runKubectl } from '../../../src/playground/kubectl.ts';
import { networkLabels, nodeLabels, readPlaygrounds } from '../../../src/playground/labels.ts';
import { formatList, nextSteps } from '../../../src/playground/next-steps.ts';
import { planNodes } from '../../../src/playground/plan.ts';
import type { ProvidedNode } from '../../../src/playground/provider.ts';
import type { Playground } from '../../../src/playground/types.ts';
import { fakeProvider } from '../../fakes/provider.ts';

const created = '2026-01-02T03:04:05.000Z';
const planned = planNodes({ name: 'pg', controlPlanes: 1, workers: 0, edges: 10, sites: 2 }, '10.120.0.0/24');
const network = {
  name: 'edgeadm-pg',
  subnets: ['10.120.0.0/24'],
  created,
  labels: networkLabels({
    name: 'pg',
    subnet: '10.120.0.0/24',
    bare: false,
    kubernetesVersion: 'v1.36.3',
    packageDigest: 'd',
  }),
};
const provided: ProvidedNode[] = planned
  .map((node) => ({
    name: node.name,
    state: 'running' as const,
    labels: nodeLabels('pg', node),
    created,
    pid: 7,
  }))
  .reverse();
const read = (networks = [network], nodes = provided): Playground[] =>
  readPlaygrounds(networks, nodes, ({ name }) => name === 'pg-edge-2');

describe('playgrounds read from labels', () => {
  it('are what was planned, in order', () => {
    const [playground] = read();
    expect(playground).toMatchObject({
      name: 'pg',
      subnet: '10.120.0.0/24',
      kubernetesVersion: 'v1.36.3',
      packageDigest: 'd',
      bare: false,
    });
    expect(playground?.nodes.map(({ short }) => short).slice(0, 4)).toEqual([
      'control-plane-1',
      'edge-1',
      'edge-2',
      'edge-3',
    ]);
    expect(playground?.nodes.at(-1)?.short).toBe('edge-10');
    expect(playground?.nodes.filter(({ disconnected }) => disconnected).map(({ short }) => short)).toEqual([
      'edge-2',
    ]);
  });
  it('leave out what has no label', () => {
    const others = [{ ...network, name: 'podman', labels: {} }];
    expect(read(others, [{ ...provided[0]!, labels: {} }])).toEqual([]);
  });
  it('are found by their nodes alone, so that a delete cut short can be finished', () => {
    expect(read([])).toEqual([
      expect.objectContaining({ name: 'pg', network: '', nodes: expect.any(Array) }),
    ]);
  });
});

describe('texts', () => {
  const [playground] = read() as [Playground];
  it('of a list name every node', () => {
    const lines = formatList([playground]).split('\n');
    expect(lines).toHaveLength(12);
    expect(lines[3]).toMatch(
      /^pg +pg-edge-2 +edge +site-2 +10\.120\.0\.102 +running, disconnected +v1\.36\.3$/,
    );
    expect(formatList([])).toContain('playground create');
  });
  it('after a create name commands that work as they stand', () => {
    expect(nextSteps(playground)).toContain('edgeadm playground kubectl --name pg get nodes');
    expect(nextSteps({ ...playground, name: 'playground' })).toContain(
      'edgeadm playground kubectl get nodes',
    );
    expect(nextSteps({ ...playground, bare: true })).toContain(
      'edgeadm init --install-pkg-path /opt/edgeadm/',
    );
  });
});

describe('kubectl', () => {
  const signal = new AbortController().signal;
  it('says what lacks', async () => {
    const [playground] = read() as [Playground];
    const provider = fakeProvider();
    const stopped = {
      ...playground,
      nodes: playground.nodes.map((node) => ({ ...node, state: 'exited' as const })),
    };
    await expect(runKubectl(provider, stopped, ['get', 'nodes'], { signal })).rejects.toThrow(
      'no control plane that runs',
    );
    provider.nodes = async () => provided;
    provider.rootOf = () => '/nowhere';
    await expect(runKubectl(provider, playground, ['get', 'nodes'], { signal })).rejects.toThrow(
      'has no cluster yet',
    );
  });
});
