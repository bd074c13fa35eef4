import type { Emit } from '../workflow/events.ts';
import { KubeApiError } from './api-error.ts';
import { deadline, pause } from './deadline.ts';
import { describeRef } from './objects.ts';
import { withoutOfflineNodes } from './offline-nodes.ts';
import { type Pending, rolloutError } from './rollout-report.ts';
import { rolloutProgress } from './rollout-status.ts';
import { boundedTransport, type Transport } from './transport.ts';
import type { KubeClient, ObjectRef } from './types.ts';

/** A poll that takes longer than this is given up and made again. */
const pollTimeoutMs = 5000;

interface RolloutApi {
  transport: Transport;
  clientOn(transport: Transport): KubeClient;
}

/**
 * Polls DaemonSets, Deployments and StatefulSets until each is rolled out, with `kubectl rollout status`' rules.
 * Polling, since watches stall without an error. Errors: E_ROLLOUT on a time-out or when a Deployment gave up,
 * E_KUBE_API at once for what waiting cannot mend.
 */
export async function waitRollout(
  api: RolloutApi,
  refs: readonly ObjectRef[],
  options: { timeoutMs: number; signal?: AbortSignal; emit?: Emit },
): Promise<void> {
  const until = deadline(options.timeoutMs);
  const { signal, emit } = options;
  const client = api.clientOn(boundedTransport(api.transport, until, { timeoutMs: pollTimeoutMs, signal }));
  const shown = new Map<ObjectRef, string>();
  let pending: Pending[] = refs.map((ref) => ({
    ref,
    object: undefined,
    progress: rolloutProgress(undefined),
  }));
  let unreachable: unknown;
  for (let wait = 200; ; wait = Math.min(wait * 1.3, 1000)) {
    signal?.throwIfAborted();
    try {
      pending = (await Promise.all(pending.map(({ ref }) => look(client, ref)))).filter(
        ({ ref, progress }) => {
          if (shown.get(ref) !== progress.text) {
            shown.set(ref, progress.text);
            emit?.({ type: 'progress', step: `${describeRef(ref)}: ${progress.text}`, ...progress.amount });
          }
          return !progress.done;
        },
      );
      unreachable = undefined;
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof KubeApiError && error.status < 429 && error.status !== 409) throw error;
      unreachable = error;
    }
    if (pending.length === 0) return;
    if (until.expired() || pending.some(({ progress }) => progress.failed)) {
      throw await rolloutError(api, pending, { timeoutMs: options.timeoutMs, unreachable, signal });
    }
    await pause(wait, until, signal);
  }
}

async function look(client: KubeClient, ref: ObjectRef): Promise<Pending> {
  const object = await client.get(ref);
  const progress = rolloutProgress(object);
  return { ref, object, progress: object ? await withoutOfflineNodes(client, object, progress) : progress };
}
