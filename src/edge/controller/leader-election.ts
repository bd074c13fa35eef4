import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { KubeApiError } from '../../kube/api-error.ts';
import { deadline, pause } from '../../kube/deadline.ts';
import type { Transport } from '../../kube/transport.ts';

export interface LeaderElectionOptions {
  transport: Pick<Transport, 'send'>;
  lease: { namespace: string; name: string };
  /** Default `<hostname>_<uuid>`. */
  identity?: string;
  /** Milliseconds; default 15 000, 10 000 and 2 000, as kube-controller-manager has them. */
  timing?: { leaseMs: number; renewMs: number; retryMs: number };
  signal: AbortSignal;
  onChange?(leader: { isLeader: boolean; holder: string }): void;
  /** An attempt that failed for another reason than another holder. */
  onError?(error: Error): void;
  /** What only one replica does. Its signal aborts when the lease is lost; it must then end soon. */
  work(signal: AbortSignal): Promise<void>;
}

interface Lease {
  metadata: { name: string; namespace: string; resourceVersion?: string };
  spec?: {
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    acquireTime?: string;
    renewTime?: string;
    leaseTransitions?: number;
  };
}

/**
 * Runs `work` in one replica at a time, by a Lease and client-go's rules (k8s.io/client-go/tools/leaderelection): a
 * holder renews each `retryMs` and stops when it could not for `renewMs`; others take a lease that did not change for
 * its duration by their own clock, so that no two clocks are compared. The lease is made by a PUT to its own name, so
 * that RBAC can name it (leases allow that: pkg/registry/coordination/lease/strategy.go, AllowCreateOnUpdate).
 * Resolves when the signal aborts, after giving the lease back; rejects with what `work` threw.
 */
export async function lead(options: LeaderElectionOptions): Promise<void> {
  const { signal, work } = options;
  const election = candidate(options);
  while (await election.acquire()) {
    const lost = new AbortController();
    const done = new AbortController();
    const both = AbortSignal.any([signal, lost.signal]);
    const renewing = election.holdUntilLost(AbortSignal.any([both, done.signal])).then((held) => {
      if (!held) lost.abort(new Error('the lease is lost'));
    });
    try {
      await work(both);
    } finally {
      done.abort();
      await renewing;
      if (!lost.signal.aborted) await election.release();
      options.onChange?.({ isLeader: false, holder: '' });
    }
    if (signal.aborted || !lost.signal.aborted) return;
  }
}

function candidate(options: LeaderElectionOptions) {
  const { transport, lease, signal } = options;
  const identity = options.identity ?? `${hostname()}_${randomUUID()}`;
  const { leaseMs, renewMs, retryMs } = options.timing ?? {
    leaseMs: 15_000,
    renewMs: 10_000,
    retryMs: 2_000,
  };
  const path = `/apis/coordination.k8s.io/v1/namespaces/${lease.namespace}/leases/${lease.name}`;
  let other: { holder: string; record: string; at: number } | undefined;

  async function read(): Promise<Lease | undefined> {
    try {
      const answer = await transport.send('GET', path, { signal, retry: false, timeoutMs: renewMs });
      return JSON.parse(answer.text) as Lease;
    } catch (error) {
      if (error instanceof KubeApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  async function write(
    current: Lease | undefined,
    spec: Lease['spec'],
    timeoutMs = renewMs,
    within?: AbortSignal,
  ): Promise<void> {
    const body = {
      ...(current ?? { metadata: { name: lease.name, namespace: lease.namespace } }),
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      spec: { ...current?.spec, ...spec },
    };
    await transport.send('PUT', path, { body, signal: within, retry: false, timeoutMs });
  }

  /** One attempt to take or renew the lease. `raced`: it changed in between, so ask again. */
  async function tryHold(): Promise<'held' | 'other' | 'raced'> {
    const current = await read();
    const holder = current?.spec?.holderIdentity ?? '';
    const mine = holder === identity;
    if (current && !mine && holder !== '') {
      const record = JSON.stringify(current.spec);
      if (record !== other?.record) other = { holder, record, at: performance.now() };
      if (performance.now() - other.at < (current.spec?.leaseDurationSeconds ?? leaseMs / 1000) * 1000) {
        return 'other';
      }
    }
    const now = microTime();
    try {
      await write(
        current,
        {
          holderIdentity: identity,
          leaseDurationSeconds: Math.max(1, Math.round(leaseMs / 1000)),
          renewTime: now,
          ...(mine
            ? {}
            : { acquireTime: now, leaseTransitions: (current?.spec?.leaseTransitions ?? -1) + 1 }),
        },
        renewMs,
        signal,
      );
    } catch (error) {
      // Somebody else was faster: 409, or 422 for a lease that was made in between.
      if (error instanceof KubeApiError && (error.status === 409 || error.status === 422)) return 'raced';
      throw error;
    }
    return 'held';
  }

  return {
    /** True once the lease is ours, false when the signal aborted. */
    async acquire(): Promise<boolean> {
      let reported: string | undefined;
      while (!signal.aborted) {
        try {
          const outcome = await tryHold();
          if (outcome === 'held') {
            options.onChange?.({ isLeader: true, holder: identity });
            return true;
          }
          const holder = outcome === 'other' ? other?.holder : undefined;
          if (holder !== undefined && holder !== reported) options.onChange?.({ isLeader: false, holder });
          reported = holder;
        } catch (error) {
          if (signal.aborted) return false;
          options.onError?.(error as Error);
        }
        // Spread, so that replicas do not ask in step (client-go: JitterFactor 1.2).
        const ms = retryMs * (1 + 1.2 * Math.random());
        await pause(ms, deadline(ms), signal).catch(() => {});
      }
      return false;
    },

    /** Renews; false when the lease is lost, true when `within` aborted. */
    async holdUntilLost(within: AbortSignal): Promise<boolean> {
      let until = deadline(renewMs);
      while (!within.aborted) {
        await pause(retryMs, deadline(retryMs), within).catch(() => {});
        if (within.aborted) break;
        try {
          const outcome = await beforeDeadline(tryHold(), until.remainingMs());
          if (outcome === 'other') return within.aborted;
          if (outcome === 'held') until = deadline(renewMs);
        } catch (error) {
          if (!within.aborted) options.onError?.(error as Error);
        }
        if (until.expired()) return within.aborted;
      }
      return true;
    },

    /** Lets another replica take over at once. Best effort: an expired lease does the same. */
    async release(): Promise<void> {
      try {
        const answer = await transport.send('GET', path, { retry: false, timeoutMs: 2000 });
        const current = JSON.parse(answer.text) as Lease;
        if (current.spec?.holderIdentity !== identity) return;
        await write(current, { holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime() }, 2000);
      } catch (error) {
        options.onError?.(error as Error);
      }
    },
  };
}

function beforeDeadline<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the lease could not be renewed in time')), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** metav1.MicroTime. */
const microTime = () => new Date().toISOString().replace('Z', '000Z');
