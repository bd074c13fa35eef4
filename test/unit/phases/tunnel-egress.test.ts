import { describe, expect, it } from 'vitest';
import { createInitContext } from '../../../phases/init/context.ts';
import { initPhases } from '../../../phases/init/index.ts';
import { createJoinContext } from '../../../phases/join/context.ts';
import { joinPhases } from '../../../phases/join/index.ts';
import { tunnelEgressPhase } from '../../../phases/node/tunnel-egress.ts';
import { tunnelServerPhase } from '../../../phases/node/tunnel-server.ts';
import { resolveInit } from '../../../src/config/init.ts';
import { tunnel } from '../../../src/config/tunnel.ts';
import type { InitSettings, KubeDocument } from '../../../src/config/types.ts';
import { parseYaml } from '../../../src/config/yaml.ts';
import { FakeHost } from '../../fakes/host.ts';
import { initSettings, joinSettings } from '../checks/support.ts';
import { edge, initContext, machine, run, signal } from './tunnel-support.ts';

describe('what the tunnel needs of the API server', () => {
  const cluster = (settings: InitSettings) =>
    settings.documents.find(({ kind }) => kind === 'ClusterConfiguration')!.apiServer as {
      extraArgs?: { name: string; value: string }[];
      extraVolumes?: { name: string; hostPath: string }[];
    };

  it('is the egress selector, with its file and the folder of the socket', () => {
    const { extraArgs, extraVolumes } = cluster(initSettings());
    expect(extraArgs).toContainEqual({ name: 'egress-selector-config-file', value: tunnel.egressFile });
    expect(extraVolumes?.map(({ hostPath }) => hostPath)).toEqual([tunnel.egressFile, tunnel.socketFolder]);
  });

  it("is that it holds kubelets to certificates of the cluster's CA, where they have such", () => {
    const authority = (text: string) =>
      cluster(resolveInit({ flags: {}, machine, config: { text, path: 'c.yaml' } })).extraArgs!.find(
        ({ name }) => name === 'kubelet-certificate-authority',
      )?.value;
    const kubelet = 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n';
    const own = 'apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\ncertificatesDir: /pki\n';
    expect(authority(kubelet)).toBe('/etc/kubernetes/pki/ca.crt');
    expect(authority(own)).toBe('/pki/ca.crt');
    expect(authority(`${kubelet}serverTLSBootstrap: false\n`)).toBeUndefined();
  });

  it("does not win over the user's", () => {
    const text =
      'apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\napiServer: {extraArgs: [{name: egress-selector-config-file, value: /mine.yaml}]}\n';
    const settings = resolveInit({ flags: {}, machine, config: { text, path: 'c.yaml' } });
    const values = cluster(settings).extraArgs!.filter(({ name }) => name === 'egress-selector-config-file');
    expect(values).toEqual([{ name: 'egress-selector-config-file', value: '/mine.yaml' }]);
  });

  it.each([
    ['without edge', { enabled: false }, '--enable-edge=false'],
    ['with the addon left out', { addons: { tunnel: false } }, 'left out by EdgeConfiguration.addons'],
  ])('is nothing %s', (_, fields, reason) => {
    const text = JSON.stringify({
      apiVersion: 'edgeadm.superedge.io/v1alpha1',
      kind: 'EdgeConfiguration',
      ...fields,
    });
    const settings = resolveInit({ flags: {}, machine, config: { text, path: 'c.yaml' } });
    expect(cluster(settings)).toBeUndefined();
    const ctx = createInitContext(settings, { host: new FakeHost(), emit() {}, signal, machine });
    expect(tunnelEgressPhase.skip!(ctx)).toBe(reason);
    expect(tunnelServerPhase.skip!(ctx)).toBe(reason);
  });
});

describe('the egress selector', () => {
  it('is written before kubeadm, for the socket of the server beside the API server', async () => {
    const host = new FakeHost();
    expect(await tunnelEgressPhase.run!(initContext(host), run)).toBe(true);
    const [document] = parseYaml({ text: host.files[tunnel.egressFile]!, path: 'e' }) as KubeDocument[];
    expect(document).toMatchObject({
      apiVersion: 'apiserver.k8s.io/v1beta1',
      egressSelections: [
        {
          name: 'cluster',
          connection: { transport: { uds: { udsName: `${tunnel.socketFolder}/grpc.sock` } } },
        },
      ],
    });
    expect(host.claims).toContainEqual(expect.stringContaining(tunnel.socketFolder));
    expect(await tunnelEgressPhase.run!(initContext(host), run)).toBe(false);
    for (const phases of [initPhases, joinPhases]) {
      const names = phases.map(({ name }) => name);
      expect(names.indexOf('tunnel-egress')).toBeLessThan(names.indexOf('kubeadm'));
      expect(names.indexOf('tunnel-server')).toBeGreaterThan(names.indexOf('kubeadm'));
    }
  });

  it('is on each joining control-plane node, whose API server may want it, and on no other node', () => {
    const context = (controlPlane: boolean, enabled: boolean) => {
      const settings = joinSettings({ controlPlane, edge: { ...edge, enabled } });
      return createJoinContext(settings, { host: new FakeHost(), emit() {}, signal, machine });
    };
    for (const enabled of [true, false]) {
      expect(tunnelEgressPhase.skip!(context(true, enabled))).toBeUndefined();
      expect(tunnelServerPhase.skip!(context(true, enabled))).toBeUndefined();
      expect(tunnelEgressPhase.skip!(context(false, enabled))).toBe('not a control-plane node');
      expect(tunnelServerPhase.skip!(context(false, enabled))).toBe('not a control-plane node');
    }
  });
});
