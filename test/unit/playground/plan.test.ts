import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { networkOf, overlaps } from '../../../src/config/cidr.ts';
import { checkCounts, planNodes } from '../../../src/playground/plan.ts';
import { macAddressOf, machineAddress, pickSubnet, virtualAddress } from '../../../src/playground/subnet.ts';

const counts = { name: 'pg', controlPlanes: 1, workers: 0, edges: 2, sites: 1 };

describe('planned nodes', () => {
  it('have the names, roles and sites that were asked for', () => {
    const nodes = planNodes({ ...counts, workers: 1, edges: 3, sites: 2 }, '10.120.7.0/24');
    expect(nodes.map(({ name, role, site }) => [name, role, site])).toEqual([
      ['pg-control-plane-1', 'control-plane', 'cloud'],
      ['pg-worker-1', 'worker', 'cloud'],
      ['pg-edge-1', 'edge', 'site-1'],
      ['pg-edge-2', 'edge', 'site-2'],
      ['pg-edge-3', 'edge', 'site-1'],
    ]);
  });
  it("never share an address, nor have the machine's, the virtual one or the gateway's", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 0, max: 79 }),
        fc.integer({ min: 0, max: 150 }),
        (controlPlanes, workers, edges) => {
          const subnet = '10.121.3.0/24';
          const nodes = planNodes({ ...counts, controlPlanes, workers, edges }, subnet);
          const all = [
            ...nodes.map(({ address }) => address),
            machineAddress(subnet),
            virtualAddress(subnet),
            '10.121.3.254',
          ];
          expect(new Set(all).size).toBe(all.length);
          expect(all.every((address) => overlaps(networkOf(address)!, networkOf(subnet)!))).toBe(true);
          expect(new Set(nodes.map(({ macAddress }) => macAddress)).size).toBe(nodes.length);
        },
      ),
    );
  });
  it('have locally administered unicast MAC addresses', () => {
    const mac = macAddressOf('10.120.0.101');
    expect(mac).toBe('02:ed:0a:78:00:65');
    expect(Number.parseInt(mac.slice(0, 2), 16) & 3).toBe(2);
  });
  it.each([
    [{ controlPlanes: 0 }, '--control-planes'],
    [{ controlPlanes: 10 }, '--control-planes'],
    [{ edges: -1 }, '--edges'],
    [{ edges: 1.5 }, '--edges'],
    [{ workers: Number.NaN }, '--workers'],
    [{ sites: 3 }, '--sites'],
  ])('refuses %o', (wrong, flag) => {
    expect(() => checkCounts({ ...counts, ...wrong }, false)).toThrow(
      expect.objectContaining({ code: 'E_USAGE', message: expect.stringContaining(flag) }),
    );
  });
  it('allow bare edge nodes alone, but not nothing', () => {
    expect(() => checkCounts({ ...counts, controlPlanes: 0 }, true)).not.toThrow();
    expect(() => checkCounts({ ...counts, controlPlanes: 0, edges: 0, sites: 1 }, true)).toThrow(
      'at least one node',
    );
  });
});

describe('subnets', () => {
  it('are the first that is free', () => {
    expect(pickSubnet([])).toBe('10.120.0.0/24');
    expect(pickSubnet(['10.120.0.0/24', '10.120.1.7', 'default', ''])).toBe('10.120.2.0/24');
    expect(pickSubnet(['10.0.0.0/8'])).toBe('172.29.0.0/24');
  });
  it('overlap nothing that is taken', () => {
    const cidr = fc
      .tuple(fc.integer({ min: 0, max: 2 ** 24 - 1 }), fc.integer({ min: 12, max: 32 }))
      .map(([host, prefix]) => `10.${(host >> 16) & 255}.${(host >> 8) & 255}.${host & 255}/${prefix}`);
    fc.assert(
      fc.property(fc.array(cidr, { maxLength: 40 }), (taken) => {
        const picked = networkOf(pickSubnet(taken))!;
        expect(taken.some((other) => overlaps(networkOf(other)!, picked))).toBe(false);
      }),
    );
  });
  it('run out with an error', () => {
    expect(() => pickSubnet(['10.0.0.0/8', '172.16.0.0/12'])).toThrow(
      expect.objectContaining({ code: 'E_PLAYGROUND' }),
    );
  });
});
