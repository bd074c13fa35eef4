import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { ApiObject } from '../wire/object.ts';

/** An object as it is kept. */
export interface Kept {
  version: string;
  body: string;
  /** Equal for objects that differ in nothing but heartbeats and their version: those are not written again. */
  digest: string;
}

const churn = new Set([
  'control-plane.alpha.kubernetes.io/leader',
  'endpoints.kubernetes.io/last-change-trigger-time',
]);

/** Drops managedFields, adds the kind that members of a list lack. The argument stays as it is. */
export function keep(object: ApiObject, apiVersion: string, kind: string): Kept {
  const { managedFields: _, ...metadata } = object.metadata;
  const { apiVersion: ownVersion, kind: ownKind, metadata: _metadata, ...rest } = object;
  const kept = { apiVersion: ownVersion || apiVersion, kind: ownKind || kind, metadata, ...rest };
  return { version: metadata.resourceVersion ?? '', body: JSON.stringify(kept), digest: digestOf(kept) };
}

function digestOf(object: ApiObject): string {
  const { resourceVersion: _, ...metadata } = object.metadata;
  const annotations = metadata.annotations;
  if (annotations && Object.keys(annotations).some((name) => churn.has(name))) {
    metadata.annotations = Object.fromEntries(
      Object.entries(annotations).filter(([name]) => !churn.has(name)),
    );
  }
  const status = object.status as { conditions?: unknown } | undefined;
  const stable: Record<string, unknown> = { ...object, metadata };
  if (Array.isArray(status?.conditions)) {
    const conditions = status.conditions.map((condition) => {
      if (typeof condition !== 'object' || condition === null) return condition;
      const { lastHeartbeatTime: _heartbeat, lastProbeTime: _probe, ...others } = condition;
      return others;
    });
    stable.status = { ...status, conditions };
  }
  return hash('sha1', JSON.stringify(stable)).slice(0, 20);
}

/** Sum over a row, so that a flipped bit within a value is found, which SQLite itself does not see. */
export function sumOf(...values: (string | number)[]): number {
  return crc32(values.join('\u0000'));
}

const givenUpForGood = new Set(['', 'Terminated', 'NodeShutdown', 'NodeLost', 'Shutdown']);

/**
 * The pod to keep for one that just arrived. A pod that must always run and was ended by a shutdown of its node would
 * stay dead after a reboot without the cloud, so its last living status is kept instead. An end that the cloud answers
 * with a replacement (evicted, rejected, deleted) is kept, as is every end of a Job's pod.
 */
export function revivable(pod: ApiObject, previous: () => ApiObject | undefined): ApiObject {
  const status = pod.status as { phase?: string; reason?: string } | undefined;
  const { restartPolicy } = (pod.spec ?? {}) as { restartPolicy?: string };
  const ended = status?.phase === 'Failed' || status?.phase === 'Succeeded';
  if (!ended || (restartPolicy ?? 'Always') !== 'Always' || pod.metadata.deletionTimestamp) return pod;
  if (!givenUpForGood.has(status.reason ?? '')) return pod;
  const before = previous();
  const living = before?.metadata.uid === pod.metadata.uid ? before?.status : undefined;
  return { ...pod, status: living ?? { phase: 'Pending' } };
}
