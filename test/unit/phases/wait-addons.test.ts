import { describe, expect, it } from 'vitest';
import { applyObjects } from '../../../phases/init/apply-objects.ts';
import { createInitContext, type InitContext } from '../../../phases/init/context.ts';
import { waitAddonsPhase } from '../../../phases/init/wait-addons.ts';
import type { KubeDocument } from '../../../src/config/types.ts';
import type { KubeClient, ObjectRef } from '../../../src/kube/types.ts';
import type { PhaseRun } from '../../../src/workflow/phase.ts';
import { FakeHost } from '../../fakes/host.ts';
import { initSettings } from '../checks/support.ts';

const { signal } = new AbortController();
const run: PhaseRun = { signal, emit() {}, progress() {} };

const object = (kind: string, name: string, manager = 'edgeadm'): KubeDocument => ({
  apiVersion: 'apps/v1',
  kind,
  metadata: { name, namespace: 'kube-system', managedFields: [{ manager }] },
});
const ref = ({ apiVersion, kind, metadata }: KubeDocument): ObjectRef => {
  const { name, namespace } = metadata as { name: string; namespace: string };
  return { apiVersion, kind, name, namespace };
};

function context(present: KubeDocument[] = []): { ctx: InitContext; waited: (readonly ObjectRef[])[] } {
  const host = new FakeHost();
  const machine = { hostname: 'node-1', arch: 'amd64', cgroupVersion: 2, canLowerOomScore: true } as const;
  const ctx = createInitContext(initSettings(), { host, emit: host.emit, signal, machine });
  const waited: (readonly ObjectRef[])[] = [];
  const kube = {
    apply: async () => true,
    waitRollout: async (refs: readonly ObjectRef[]) => void waited.push(refs),
    list: async (_: string, kind: string) => present.filter((each) => each.kind === kind),
  };
  ctx.kube = async () => kube as unknown as KubeClient;
  return { ctx, waited };
}

const network = object('DaemonSet', 'kube-flannel-ds');
const addon = object('Deployment', 'edgeadm-controller');
const settings = object('ConfigMap', 'kube-flannel-cfg');

describe('workloads that are applied', () => {
  it('are waited for at once when a phase runs alone', async () => {
    const { ctx, waited } = context();
    expect(await applyObjects(ctx, run, 'flannel', [settings, network])).toBe(true);
    expect(waited).toEqual([[ref(network)]]);
  });

  it('are waited for together in a whole run', async () => {
    const { ctx, waited } = context();
    ctx.rollouts = [];
    await applyObjects(ctx, run, 'flannel', [settings, network]);
    await applyObjects(ctx, run, 'edgeadm-controller', [addon]);
    expect(waited).toEqual([]);
    await waitAddonsPhase.run?.(ctx, run);
    expect(waited).toEqual([[ref(network), ref(addon)]]);
  });

  it('are found by who applied them when wait-addons runs alone', async () => {
    const { ctx, waited } = context([network, addon, object('Deployment', 'coredns', 'kubeadm')]);
    await waitAddonsPhase.run?.(ctx, run);
    expect(waited).toEqual([[ref(network), ref(addon)]]);
  });
});
