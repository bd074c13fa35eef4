import { describe, expect, it } from 'vitest';
import { checkName, findNode, findPlayground } from '../../../src/playground/names.ts';
import { planNodes } from '../../../src/playground/plan.ts';
import type { Playground } from '../../../src/playground/types.ts';

const playground = (name: string, edges = 2): Playground => ({
  name,
  network: `edgeadm-${name}`,
  subnet: '10.120.0.0/24',
  created: '2026-01-01T00:00:00Z',
  bare: false,
  kubernetesVersion: 'v1.36.3',
  packageDigest: undefined,
  nodes: planNodes({ name, controlPlanes: 1, workers: 0, edges, sites: 1 }, '10.120.0.0/24').map((node) => ({
    ...node,
    playground: name,
    state: 'running',
    disconnected: false,
  })),
});

describe('names of playgrounds', () => {
  it.each(['playground', 'a', 'site-a', 'x1'])('takes %s', (name) => {
    expect(checkName(name)).toBe(name);
  });
  it.each(['', 'A', '1x', '-a', 'a-', 'a.b', 'a_b', 'ü', 'a'.repeat(41)])('refuses "%s"', (name) => {
    expect(() => checkName(name)).toThrow(expect.objectContaining({ code: 'E_USAGE' }));
  });
  it('finds the only one, the default one, the named one', () => {
    const [one, other] = [playground('one'), playground('playground')];
    expect(findPlayground([one], undefined)).toBe(one);
    expect(findPlayground([one, other], undefined)).toBe(other);
    expect(findPlayground([one, other], 'one')).toBe(one);
  });
  it('says what to do when there is none, or no clear one', () => {
    expect(() => findPlayground([], undefined)).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('create') }),
    );
    expect(() => findPlayground([playground('a'), playground('b')], undefined)).toThrow(
      '2 playgrounds: a, b',
    );
    expect(() => findPlayground([playground('site-a')], 'site-b')).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('Did you mean "site-a"?') }),
    );
  });
});

describe('names of nodes', () => {
  it('takes short and full names', () => {
    expect(findNode([playground('one')], 'edge-2').name).toBe('one-edge-2');
    expect(findNode([playground('one'), playground('two')], 'two-edge-1').name).toBe('two-edge-1');
    expect(findNode([playground('one'), playground('two')], 'edge-1', 'two').name).toBe('two-edge-1');
  });
  it('suggests the nearest', () => {
    expect(() => findNode([playground('one')], 'edg-1')).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('Did you mean "edge-1"?') }),
    );
    expect(() => findNode([playground('one'), playground('two')], 'one-edg-1')).toThrow(
      expect.objectContaining({ hint: 'Did you mean "one-edge-1"?' }),
    );
  });
  it('does not find a node of another playground', () => {
    expect(() => findNode([playground('one'), playground('two')], 'two-edge-1', 'one')).toThrow(
      'has no node',
    );
  });
});
