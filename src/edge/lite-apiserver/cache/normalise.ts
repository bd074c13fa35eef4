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
  const body = JSON.stringify(kept);
  const version = metadata.resourceVersion ?? '';
  const stable = hasHeartbeat(kept) ? JSON.stringify(withoutHeartbeat(kept)) : body;
  return { version, body, digest: digestOf(stable.replace(`"resourceVersion":"${version}"`, '')) };
}

/** Of a text that is the same for equal content. */
export function digestOf(text: string): string {
  return hash('sha1', text).slice(0, 20);
}

function hasHeartbeat({ metadata, status }: ApiObject): boolean {
  const conditions = (status as { conditions?: unknown } | undefined)?.conditions;
  return Array.isArray(conditions) || Object.keys(metadata.annotations ?? {}).some((name) => churn.has(name));
}

function withoutHeartbeat(object: ApiObject): ApiObject {
  const annotations = Object.entries(object.metadata.annotations ?? {}).filter(([name]) => !churn.has(name));
  const metadata = { ...object.metadata, annotations: Object.fromEntries(annotations) };
  const status = object.status as { conditions?: unknown } | undefined;
  if (!Array.isArray(status?.conditions)) return { ...object, metadata };
  const conditions = status.conditions.map((condition: unknown) => {
    if (typeof condition !== 'object' || condition === null) return condition;
    const {
      lastHeartbeatTime: _heartbeat,
      lastProbeTime: _probe,
      ...others
    } = condition as Record<string, unknown>;
    return others;
  });
  return { ...object, metadata, status: { ...status, conditions } };
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
