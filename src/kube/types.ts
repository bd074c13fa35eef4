import type { KubeDocument } from '../config/types.ts';
import type { Emit } from '../workflow/events.ts';

export interface ObjectRef {
  apiVersion: string;
  kind: string;
  name: string;
  namespace?: string;
}

export type KubeObject = KubeDocument & {
  metadata: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    resourceVersion?: string;
  };
};

/**
 * What phases ask of a cluster. Implemented on @kubernetes/client-node's KubeConfig (credentials, TLS) with raw JSON
 * bodies, since the typed serializer drops fields that its models do not know.
 * Errors: E_KUBE_API (verb, object, status reason and message named), E_TIMEOUT, E_ROLLOUT.
 */
export interface KubeClient {
  /** Raw request; JSON in, JSON out. `path` is absolute: `/api/v1/nodes`. */
  request<T>(
    method: string,
    path: string,
    body?: unknown,
    options?: { contentType?: string; signal?: AbortSignal },
  ): Promise<T>;
  get<T extends KubeObject>(ref: ObjectRef): Promise<T | undefined>;
  list<T extends KubeObject>(
    apiVersion: string,
    kind: string,
    options?: { namespace?: string; labelSelector?: string; fieldSelector?: string },
  ): Promise<T[]>;
  /** Server-side apply as field manager `edgeadm`, force, strict field validation, in the given order. True when anything changed. */
  apply(
    objects: readonly KubeDocument[],
    options?: { signal?: AbortSignal; dryRun?: boolean },
  ): Promise<boolean>;
  delete(ref: ObjectRef): Promise<boolean>;
  mergePatch(ref: ObjectRef, patch: unknown): Promise<void>;
  /** Polls /readyz. */
  waitReady(options: { timeoutMs: number; signal?: AbortSignal }): Promise<void>;
  /** Waits until DaemonSets and Deployments are rolled out; a time-out is E_ROLLOUT with object, conditions, last events and pod log lines. */
  waitRollout(
    refs: readonly ObjectRef[],
    options: { timeoutMs: number; signal?: AbortSignal; emit?: Emit },
  ): Promise<void>;
}
