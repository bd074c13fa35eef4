import { describe, expect, it } from 'vitest';
import { virtualIpCheck } from '../../../phases/checks/virtual-ip.ts';
import { kubeVipManifest } from '../../../phases/node/kube-vip.ts';
import type { InitSettings } from '../../../src/config/types.ts';
import type { FakeHost } from '../../fakes/host.ts';
import { healthyHost, initSettings, joinSettings, look } from './support.ts';

const vip = '192.168.7.100';
const nobody = virtualIpCheck(async () => false);
const somebody = virtualIpCheck(async () => true);

function settings(controlPlaneEndpoint: string, change: Partial<InitSettings> = {}): InitSettings {
  return initSettings({ controlPlaneEndpoint, ...change });
}

/** A healthy host (192.168.7.20/24 on eth0), with what the kernel says about the way to an address. */
function host(route: object = { dst: vip, dev: 'eth0' }, neighbours: object[] = []): FakeHost {
  return healthyHost()
    .reply('ip -j route get', { stdout: JSON.stringify([route]) })
    .reply('ip -j neighbour', { stdout: JSON.stringify(neighbours) });
}

describe('the virtual IP', () => {
  it.each([vip, `${vip}:6443`])('%s is free', async (endpoint) => {
    expect(await look(nobody, host(), settings(endpoint))).toEqual([]);
  });

  it('is refused when a host answers there', async () => {
    expect(await look(somebody, host(), settings(vip))).toMatchObject([
      { level: 'error', name: 'VirtualIP', message: expect.stringContaining(`has the address ${vip}`) },
    ]);
  });

  it('is refused when a host has it behind a firewall, but not for a stale memory of one', async () => {
    const neighbour = (state: string) => [
      { dst: vip, dev: 'eth0', lladdr: '02:00:00:00:00:01', state: [state] },
    ];
    const answered = host(undefined, neighbour('REACHABLE'));
    expect(await look(nobody, answered, settings(vip))).toMatchObject([{ level: 'error' }]);
    expect(await look(nobody, host(undefined, neighbour('STALE')), settings(vip))).toEqual([]);
    expect(
      await look(nobody, host(undefined, [{ dst: vip, dev: 'eth0', state: ['FAILED'] }]), settings(vip)),
    ).toEqual([]);
  });

  it('beyond a router is taken for a load balancer, with a warning', async () => {
    const far = host({ dst: '203.0.113.9', gateway: '192.168.7.1', dev: 'eth0' });
    expect(await look(somebody, far, settings('203.0.113.9'))).toMatchObject([
      { level: 'warning', fix: expect.stringContaining("--default-ha=''") },
    ]);
  });

  it('needs the port of the API server', async () => {
    expect(await look(nobody, host(), settings(`${vip}:443`))).toMatchObject([
      { level: 'error', message: expect.stringContaining('port 6443') },
    ]);
    expect(await look(nobody, host(), settings(`${vip}:443`, { bindPort: 443 }))).toEqual([]);
  });

  it.each([
    ["of the host's own", '192.168.7.20:6443'],
    ['that is a name', 'api.example.com:6443'],
  ])('is no matter with an endpoint %s', async (_, endpoint) => {
    expect(await look(somebody, host(), settings(endpoint))).toEqual([]);
  });

  it("is no matter without kube-vip, when joining, and once this host's own kube-vip may have it", async () => {
    const { edge } = initSettings();
    const balanced = settings(vip, { edge: { ...edge, ha: { provider: '', interface: '' } } });
    expect(await look(somebody, host(), balanced)).toEqual([]);
    expect(await look(somebody, host(), joinSettings())).toEqual([]);
    const again = host();
    again.put(kubeVipManifest, 'kind: Pod\n');
    expect(await look(somebody, again, settings(vip))).toEqual([]);
  });
});
