import { describe, expect, it, onTestFinished } from 'vitest';
import { cniPhase } from '../../../phases/init/cni.ts';
import { createInitContext } from '../../../phases/init/context.ts';
import { edgeAddonsPhase } from '../../../phases/init/edge-addons.ts';
import type { EdgeConfiguration } from '../../../src/config/types.ts';
import { connect } from '../../../src/kube/client.ts';
import type { PhaseRun } from '../../../src/workflow/phase.ts';
import { startApiServer } from '../../fakes/apiserver.ts';
import { FakeHost } from '../../fakes/host.ts';
import { initSettings } from '../checks/support.ts';

const { signal } = new AbortController();
const run: PhaseRun = { signal, emit() {}, progress() {} };
const machine = { hostname: 'node-1', arch: 'amd64', cgroupVersion: 2, canLowerOomScore: true } as const;

function context(change: (edge: EdgeConfiguration) => void = () => {}, host = new FakeHost()) {
  const settings = initSettings();
  const edge = structuredClone(settings.edge);
  change(edge);
  return createInitContext({ ...settings, edge }, { host, emit: host.emit, signal, machine });
}

const off = (name: string) => (edge: EdgeConfiguration) => {
  edge.addons[name] = { enabled: false, settings: {} };
};
const addon = (name: string) => edgeAddonsPhase.phases!.find((phase) => phase.name === name)!;

describe.each(['edge-kube-proxy', 'edge-dns'])('the addon %s', (name) => {
  it('is for edge nodes with an API proxy', () => {
    const skip = addon(name).skip!;
    expect(skip(context())).toBeUndefined();
    expect(skip(context(off(name)))).toMatch('left out');
    expect(skip(context(off('lite-apiserver')))).toMatch('no lite-apiserver');
    expect(
      skip(
        context((edge) => {
          edge.enabled = false;
        }),
      ),
    ).toBe('--enable-edge=false');
  });

  it('plans without a cluster', async () => {
    const host = new FakeHost({ dryRun: true });
    const planned: string[] = [];
    const ctx = { ...context(undefined, host) };
    ctx.emit = (event) => {
      if (event.type === 'change') planned.push(event.target);
    };
    expect(await addon(name).run!(ctx, run)).toBe(true);
    expect(planned.filter((target) => target.startsWith('DaemonSet/'))).toHaveLength(1);
  });
});

it('flannel of edge nodes goes when their API proxy is switched off', async () => {
  const server = await startApiServer();
  onTestFinished(() => server.close());
  const apply = async (change?: (edge: EdgeConfiguration) => void) => {
    const ctx = context(change);
    ctx.kube = () => connect({ kubeconfig: server.kubeconfig() });
    ctx.rollouts = [];
    await cniPhase.run!(ctx, run);
    return server.store.objects.has('/apis/apps/v1/namespaces/kube-flannel/daemonsets/kube-flannel-edge');
  };
  expect(await apply()).toBe(true);
  expect(await apply(off('lite-apiserver'))).toBe(false);
  expect(await apply()).toBe(true);
});
