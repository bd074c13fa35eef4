import { describe, expect, it } from 'vitest';
import { disconnectRules, neighbours } from '../../../src/playground/link.ts';
import { planNodes } from '../../../src/playground/plan.ts';
import type { Playground } from '../../../src/playground/types.ts';

const subnet = '10.120.0.0/24';
const playground = {
  subnet,
  nodes: planNodes({ name: 'pg', controlPlanes: 3, workers: 2, edges: 4, sites: 2 }, subnet),
} as Playground;
const reachable = (short: string) =>
  neighbours(playground, playground.nodes.find((node) => node.short === short)!).map((node) => node.short);

describe('a disconnected node', () => {
  it('still reaches the edge nodes of its own site', () => {
    expect(reachable('edge-1')).toEqual(['edge-3']);
    expect(reachable('edge-2')).toEqual(['edge-4']);
  });
  it('of the cloud side reaches no control plane', () => {
    expect(reachable('worker-1')).toEqual(['worker-2']);
    expect(reachable('control-plane-1')).toEqual([]);
  });
  it('is cut off by rules in a table of their own, which replaces itself', () => {
    const rules = disconnectRules(subnet, ['10.120.0.103']);
    expect(rules.startsWith('table inet edgeadm_playground\ndelete table inet edgeadm_playground\n')).toBe(
      true,
    );
    expect(rules).toContain('elements = { 10.120.0.1, 10.120.0.103 }');
    for (const hook of ['input', 'output', 'forward']) expect(rules).toContain(`hook ${hook} priority -500`);
  });
});
