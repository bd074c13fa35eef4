/** A Kubernetes object as far as the proxy looks into it. Never changed in place: copies are made. */
export interface ApiObject {
  apiVersion?: string;
  kind?: string;
  metadata: {
    name?: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    deletionTimestamp?: string;
    managedFields?: unknown;
    [field: string]: unknown;
  };
  [field: string]: unknown;
}

export interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: ApiObject;
}

/** Marks the bookmark that ends the initial events of a watch list (KEP-3157). */
export const initialEventsEnd = 'k8s.io/initial-events-end';

/** True for resourceVersions that can be compared and watched from: positive decimal integers (KEP-5504). */
export function isVersion(version: string | undefined): version is string {
  return version !== undefined && /^[1-9][0-9]*$/.test(version);
}

/** Below zero when `a` is older than `b`. Both must be `isVersion`, or empty for "nothing yet". */
export function compareVersions(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

export function isBookmarkOfInitialEvents(event: WatchEvent): boolean {
  return event.type === 'BOOKMARK' && event.object.metadata?.annotations?.[initialEventsEnd] === 'true';
}

/** One event as it stands on the wire. */
export function eventLine(event: WatchEvent): string {
  return `${JSON.stringify(event)}\n`;
}
