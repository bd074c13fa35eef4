import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LeaderElectionOptions, lead } from '../../../../src/edge/controller/leader-election.ts';
import { readKubeconfig } from '../../../../src/kube/kubeconfig.ts';
import { createTransport } from '../../../../src/kube/transport.ts';
import type { KubeObject } from '../../../../src/kube/types.ts';
import { startWatchApi, type WatchApi } from '../../../fakes/watch-api.ts';
import { eventually } from './eventually.ts';

const lease = { namespace: 'kube-system', name: 'edgeadm-controller' };
const path = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/edgeadm-controller';
const timing = { leaseMs: 3000, renewMs: 2000, retryMs: 20 };

interface Replica {
  stop: AbortController;
  ended: Promise<void>;
  works: boolean;
  terms: number;
  holders: string[];
  errors: string[];
}

type Lease = KubeObject & {
  spec: { holderIdentity: string; leaseTransitions: number; leaseDurationSeconds: number; renewTime: string };
};

let api: WatchApi;
const replicas: Replica[] = [];

beforeEach(async () => {
  api = await startWatchApi();
  replicas.length = 0;
});

afterEach(async () => {
  api.fault = undefined;
  for (const { stop } of replicas) stop.abort();
  await Promise.allSettled(replicas.map(({ ended }) => ended));
  await api.close();
});

/** `reach` stands for this replica's network. */
async function replica(
  identity: string,
  options: { reach?: () => boolean; work?: LeaderElectionOptions['work'] } = {},
): Promise<Replica> {
  const transport = createTransport(await readKubeconfig({ kubeconfig: api.kubeconfig }), { timeoutMs: 500 });
  const stop = new AbortController();
  const state: Replica = { stop, ended: Promise.resolve(), works: false, terms: 0, holders: [], errors: [] };
  state.ended = lead({
    transport: {
      async send(...args) {
        if (options.reach?.() === false) throw new Error('unreachable');
        return transport.send(...args);
      },
    },
    lease,
    identity,
    timing,
    signal: stop.signal,
    onChange: ({ holder }) => state.holders.push(holder),
    onError: ({ message }) => state.errors.push(message),
    async work(signal) {
      expect(replicas.filter(({ works }) => works)).toEqual([]);
      state.works = true;
      state.terms++;
      await options.work?.(signal);
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      state.works = false;
    },
  });
  state.ended.catch(() => {});
  replicas.push(state);
  return state;
}

describe('a lease', () => {
  it('that is not there is made and renewed', async () => {
    const a = await replica('a');
    await eventually(() => expect(a.works).toBe(true));
    const first = api.get<Lease>(path)!;
    expect(first.spec).toMatchObject({ holderIdentity: 'a', leaseDurationSeconds: 3, leaseTransitions: 0 });
    expect(first.spec.renewTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    await eventually(() =>
      expect(api.get<Lease>(path)!.metadata.resourceVersion).not.toBe(first.metadata.resourceVersion),
    );
    expect(a.holders).toEqual(['a']);
  });

  it('is worked under by one of several', async () => {
    const all = await Promise.all(['a', 'b', 'c'].map((name) => replica(name)));
    await eventually(() => expect(all.some(({ works }) => works)).toBe(true));
    await eventually(() => expect(all.every(({ holders }) => holders.length > 0)).toBe(true));
    expect(all.filter(({ works }) => works)).toHaveLength(1);
  });

  it('is given back on the way out, so that another takes over at once', async () => {
    const a = await replica('a');
    await eventually(() => expect(a.works).toBe(true));
    const b = await replica('b');
    await eventually(() => expect(b.holders).toEqual(['a']));
    a.stop.abort();
    await a.ended;
    expect(api.get<Lease>(path)?.spec.holderIdentity).not.toBe('a');
    await eventually(() => expect(b.works).toBe(true));
    expect(api.get<Lease>(path)?.spec.leaseTransitions).toBe(1);
  });

  it('of a replica that died is taken when it ran out', async () => {
    api.put(path, {
      metadata: { name: lease.name },
      spec: {
        holderIdentity: 'dead',
        leaseDurationSeconds: 1,
        leaseTransitions: 4,
        renewTime: '2100-01-01T00:00:00.000000Z',
      },
    });
    const b = await replica('b');
    await eventually(() => expect(b.works).toBe(true));
    expect(b.holders).toEqual(['dead', 'b']);
    expect(api.get<Lease>(path)?.spec.leaseTransitions).toBe(5);
  });

  it('that cannot be renewed ends the work, and another takes over', async () => {
    let connected = true;
    const a = await replica('a', { reach: () => connected });
    await eventually(() => expect(a.works).toBe(true));
    const b = await replica('b');
    connected = false;
    await eventually(() => expect(a.works).toBe(false));
    await eventually(() => expect(b.works).toBe(true));
    connected = true;
    await eventually(() => expect(a.holders.at(-1)).toBe('b'));
    expect(a.errors).toContain('unreachable');
  });

  it('whose requests hang ends the work', async () => {
    const a = await replica('a');
    await eventually(() => expect(a.works).toBe(true));
    api.fault = () => 'hang';
    await eventually(() => expect(a.works).toBe(false));
  });

  it('that somebody else took ends the work at once', async () => {
    const a = await replica('a');
    await eventually(() => expect(a.works).toBe(true));
    api.put(path, {
      ...api.get<Lease>(path),
      spec: { ...api.get<Lease>(path)?.spec, holderIdentity: 'z', leaseDurationSeconds: 60 },
    });
    await eventually(() => expect(a.works).toBe(false));
    await eventually(() => expect(a.holders.at(-1)).toBe('z'));
  });

  it('is kept through single failures', async () => {
    const a = await replica('a');
    await eventually(() => expect(a.works).toBe(true));
    let failures = 3;
    api.fault = () => (failures-- > 0 ? 500 : undefined);
    await eventually(() => expect(failures).toBeLessThan(-3));
    expect(a).toMatchObject({ works: true, terms: 1 });
  });

  it('is given back when the work fails', async () => {
    const a = await replica('a', {
      work: async () => {
        throw new Error('broken');
      },
    });
    await expect(a.ended).rejects.toThrow('broken');
    expect(api.get<Lease>(path)?.spec.holderIdentity).toBe('');
  });
});
