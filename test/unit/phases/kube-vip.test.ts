import { describe, expect, it } from 'vitest';
import { createInitContext } from '../../../phases/init/context.ts';
import { initPhases } from '../../../phases/init/index.ts';
import { kubeVipPhase } from '../../../phases/init/kube-vip.ts';
import { kubeVipFinalizePhase } from '../../../phases/init/kube-vip-finalize.ts';
import { joinPhases } from '../../../phases/join/index.ts';
import { kubeVipConf, kubeVipManifest, kubeVipPod } from '../../../phases/node/kube-vip.ts';
import type { InitSettings, KubeDocument } from '../../../src/config/types.ts';
import { parseYaml } from '../../../src/config/yaml.ts';
import { paths } from '../../../src/host/paths.ts';
import { loadManifests } from '../../../src/kube/manifests.ts';
import type { KubeClient } from '../../../src/kube/types.ts';
import type { PhaseRun } from '../../../src/workflow/phase.ts';
import { FakeHost } from '../../fakes/host.ts';
import { initSettings } from '../checks/support.ts';

const vip = '192.168.7.100';
const { signal } = new AbortController();
const run: PhaseRun = { signal, emit() {}, progress() {} };
const superAdmin = `${paths.kubernetes}/super-admin.conf`;

function context(host: FakeHost, change: Partial<InitSettings> = {}, kube?: Partial<KubeClient>) {
  const machine = { hostname: 'node-1', arch: 'amd64', cgroupVersion: 2, canLowerOomScore: true } as const;
  const settings = initSettings({ controlPlaneEndpoint: `${vip}:6443`, ...change });
  const ctx = createInitContext(settings, { host, emit: host.emit, signal, machine });
  return { ...ctx, kube: async () => kube as KubeClient };
}

/** A host on eth0; `addresses` are its own, `route` is the way to the virtual IP. */
function host({ addresses = ['192.168.7.20'], route = { dev: 'eth0' } as object | null } = {}) {
  const own = { ifname: 'eth0', addr_info: addresses.map((local) => ({ local })) };
  return new FakeHost()
    .reply('ip -j address show', { stdout: JSON.stringify([own]) })
    .reply('ip -j route get', route ? { stdout: JSON.stringify([route]) } : { exitCode: 2 });
}

const env = (text: string) => {
  const [pod] = parseYaml({ text, path: 'kube-vip.yaml' }) as KubeDocument[];
  const { containers } = pod!.spec as { containers: { env: { name: string; value: string }[] }[] };
  return Object.fromEntries(containers[0]!.env.map(({ name, value }) => [name, value]));
};

describe('kube-vip on the first control-plane node', () => {
  it("carries a free address of the host's network on the link towards it", async () => {
    const node = host();
    expect(await kubeVipPhase.run!(context(node), run)).toBe(true);
    expect(env(node.files[kubeVipManifest]!)).toMatchObject({
      address: vip,
      vip_interface: 'eth0',
      vip_subnet: '32',
      port: '6443',
    });
    expect((await node.stat(kubeVipManifest))?.mode).toBe(0o600);
    expect((await node.stat(kubeVipConf))?.target).toBe(superAdmin);
    expect(await kubeVipPhase.run!(context(node), run)).toBe(false);
  });

  it('talks to the port that the API server of this node has', async () => {
    const node = host();
    await kubeVipPhase.run!(context(node, { controlPlaneEndpoint: vip, bindPort: 7443 }), run);
    expect(env(node.files[kubeVipManifest]!)).toMatchObject({ port: '7443' });
  });

  it.each([
    ["the host's own address", host({ addresses: ['192.168.7.20', vip] })],
    ['an address beyond a router', host({ route: { dev: 'eth0', gateway: '192.168.7.1' } })],
    ['an address without a route', host({ route: null })],
  ])('leaves alone %s', async (_, node) => {
    expect(await kubeVipPhase.run!(context(node), run)).toBe(false);
    expect(node.files).toEqual({});
  });

  it('stays on its link once the host has the virtual IP itself', async () => {
    const before = host();
    await kubeVipPhase.run!(context(before), run);
    const carrying = host({ addresses: ['192.168.7.20', vip], route: { dev: 'lo' } });
    carrying.put(kubeVipManifest, before.files[kubeVipManifest]!, 0o600);
    await carrying.symlink(paths.adminConf, kubeVipConf);
    expect(await kubeVipPhase.run!(context(carrying), run)).toBe(false);
  });

  it.each([
    [{ controlPlaneEndpoint: undefined }, 'no --control-plane-endpoint'],
    [{ controlPlaneEndpoint: 'api.example.com' }, 'the endpoint is no IP address'],
  ])('is left out with %j', (change, reason) => {
    const ctx = context(host(), change);
    expect(kubeVipPhase.skip!(ctx)).toBe(reason);
    expect(kubeVipFinalizePhase.skip!(ctx)).toBe(reason);
  });

  it('is left out with a load balancer', () => {
    const { edge } = initSettings();
    const ctx = context(host(), { edge: { ...edge, ha: { provider: '', interface: '' } } });
    expect(kubeVipPhase.skip!(ctx)).toBe('--default-ha is empty');
  });
});

describe('kube-vip-finalize', () => {
  it('turns to admin.conf for good once that has rights, and leaves the Pod alone', async () => {
    const node = host();
    const ctx = context(node, {}, { get: async () => undefined });
    await kubeVipPhase.run!(ctx, run);
    const pod = node.files[kubeVipManifest];
    expect(await kubeVipFinalizePhase.run!(ctx, run)).toBe(true);
    expect((await node.stat(kubeVipConf))?.target).toBe(paths.adminConf);
    expect(await kubeVipFinalizePhase.run!(ctx, run)).toBe(false);
    expect(await kubeVipPhase.run!(ctx, run)).toBe(false);
    expect((await node.stat(kubeVipConf))?.target).toBe(paths.adminConf);
    expect(node.files[kubeVipManifest]).toBe(pod);
  });

  it('keeps to super-admin.conf while admin.conf is refused', async () => {
    const node = host();
    const refused = async () => {
      throw new Error('forbidden');
    };
    const ctx = context(node, {}, { get: refused });
    await kubeVipPhase.run!(ctx, run);
    await expect(kubeVipFinalizePhase.run!(ctx, run)).rejects.toThrow('forbidden');
    expect((await node.stat(kubeVipConf))?.target).toBe(superAdmin);
  });

  it('has nothing to do where kube-vip is not', async () => {
    expect(await kubeVipFinalizePhase.run!(context(host()), run)).toBe(false);
  });
});

describe('the recipes', () => {
  const place = (phases: readonly { name: string }[], name: string) =>
    phases.findIndex((phase) => phase.name === name);

  it('have kube-vip before kubeadm init, which needs the virtual IP, and after kubeadm join, which tells it', () => {
    expect(place(initPhases, 'kube-vip')).toBeLessThan(place(initPhases, 'kubeadm'));
    expect(place(initPhases, 'kube-vip-finalize')).toBeGreaterThan(place(initPhases, 'kubeadm'));
    expect(place(joinPhases, 'kube-vip')).toBeGreaterThan(place(joinPhases, 'kubeadm'));
  });
});

describe('the Pod', () => {
  it('takes an IPv6 address with its prefix length, and an image of the package', async () => {
    const [template] = await loadManifests('ha/kube-vip');
    const values = { address: 'fd00::100', link: 'eth0', port: 6443, image: 'example.com/kube-vip:v1' };
    const pod = kubeVipPod(template!, values);
    expect(pod.spec).toMatchObject({ containers: [{ image: 'example.com/kube-vip:v1' }] });
    expect(env(JSON.stringify(pod))).toMatchObject({ address: 'fd00::100', vip_subnet: '128' });
  });
});
