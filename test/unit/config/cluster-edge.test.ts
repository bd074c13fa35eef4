import { describe, expect, it } from 'vitest';
import { kubernetesServiceAddress } from '../../../src/config/cidr.ts';
import { hasAddon, parseClusterEdge, renderClusterEdge } from '../../../src/config/cluster-edge.ts';
import { edgeDefaults } from '../../../src/config/edge-configuration.ts';

const edge = {
  ...edgeDefaults({ canLowerOomScore: true }),
  virtualAddress: '169.254.30.1',
  addons: { tunnel: { enabled: false, settings: {} }, 'edge-dns': { enabled: true, settings: { a: 1 } } },
  package: { path: '/root/secret-place.tar' },
};

describe('the cluster-wide settings', () => {
  it('come back as they were, and tell nothing of the host that wrote them', () => {
    const text = renderClusterEdge(edge);
    const { enabled, virtualAddress, addons, cni } = edge;
    expect(parseClusterEdge(text)).toEqual({ enabled, virtualAddress, addons, cni });
    expect(text).not.toContain('secret-place');
    expect(text).not.toMatch(/runtime|package|node:|ha:/);
  });

  it('of a later version are read as far as they are known', () => {
    expect(parseClusterEdge(`${renderClusterEdge(edge)}later: {a: b}\n`).virtualAddress).toBe('169.254.30.1');
  });

  it("say which addons a node has, unless the node's own configuration does", () => {
    const cluster = parseClusterEdge(renderClusterEdge(edge));
    expect(hasAddon(cluster, { addons: {} }, 'tunnel')).toBe(false);
    expect(hasAddon(cluster, { addons: {} }, 'lite-apiserver')).toBe(true);
    expect(hasAddon(cluster, { addons: { tunnel: { enabled: true, settings: {} } } }, 'tunnel')).toBe(true);
    expect(hasAddon({ ...cluster, enabled: false }, { addons: {} }, 'lite-apiserver')).toBe(false);
  });
});

it('the ClusterIP of the API server is the first of the service network', () => {
  expect(kubernetesServiceAddress('10.96.0.0/12')).toBe('10.96.0.1');
  expect(kubernetesServiceAddress('fd00:1::/108,10.96.0.0/12')).toBe('fd00:1::1');
});
