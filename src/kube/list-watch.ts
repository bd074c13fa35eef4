import type { EdgeadmError } from '../errors.ts';
import { KubeApiError } from './api-error.ts';
import { deadline, pause } from './deadline.ts';
import type { Transport } from './transport.ts';
import type { KubeObject } from './types.ts';
import type { WatchEvent } from './watch.ts';

/** Watches of one API server; see openWatch. */
export type OpenWatch = (
  path: string,
  options: { signal: AbortSignal; idleTimeoutMs: number },
) => AsyncIterable<WatchEvent>;

export interface ListWatchOptions<T extends KubeObject> {
  transport: Pick<Transport, 'send'>;
  openWatch: OpenWatch;
  /** Path of the collection: `/apis/certificates.k8s.io/v1/certificatesigningrequests`. */
  path: string;
  fieldSelector?: string;
  labelSelector?: string;
  signal: AbortSignal;
  /** An object that is there, was added or changed. Called for all objects again after each relist. */
  onObject(object: T): void;
  onDelete?(object: T): void;
  /** Before each list: what is not in it is gone, and `onDelete` may never have been called for it. */
  onList?(): void;
  /** After each complete list. */
  onSync?(): void;
  /** A list or watch failed and is tried again after `waitMs`. */
  onRetry?(error: EdgeadmError | Error, waitMs: number): void;
  /** Seconds after which the server shall end a watch; default 290 to 580, spread as client-go does it. */
  watchSeconds?: number;
}

const pageSize = 500;
const slackMs = 30_000;
/** client-go's reflector: 0.8 s doubled to 30 s, with jitter (k8s.io/client-go/tools/cache/reflector.go). */
const backoff = { firstMs: 800, maxMs: 30_000 };

/**
 * Lists a collection in pages, then watches it from there with bookmarks, until the signal aborts: then it resolves.
 * A watch that ends or is cut goes on from the last resource version seen; when that is too old (410) it lists again.
 * Keeps no object: memory does not grow with the collection.
 */
export async function listWatch<T extends KubeObject>(options: ListWatchOptions<T>): Promise<void> {
  const { signal } = options;
  let version: string | undefined;
  let failures = 0;
  while (!signal.aborted) {
    const started = performance.now();
    let moved = false;
    const onVersion = (next: string) => {
      version = next;
      moved = true;
    };
    try {
      if (version === undefined) {
        onVersion(await list(options));
        options.onSync?.();
      }
      await watch(options, version!, onVersion);
      if (moved) failures = 0;
      // A server that ends watches at once (shutting down, a proxy in between) must not be asked in a loop.
      if (moved || performance.now() - started > backoff.firstMs) continue;
      await wait(failures++);
    } catch (error) {
      if (signal.aborted) return;
      const gone = error instanceof KubeApiError && (error.status === 410 || error.reason === 'Expired');
      if (gone) version = undefined;
      if (moved) failures = 0;
      await wait(failures++, error as Error);
    }
  }

  async function wait(attempt: number, error?: Error): Promise<void> {
    const ms = Math.min(backoff.maxMs, backoff.firstMs * 2 ** attempt) * (0.5 + Math.random() / 2);
    if (error) options.onRetry?.(error, ms);
    await pause(ms, deadline(ms), signal).catch(() => {});
  }
}

async function list<T extends KubeObject>(options: ListWatchOptions<T>): Promise<string> {
  let next = '';
  options.onList?.();
  for (;;) {
    const query = selectors(options, { limit: String(pageSize), ...(next && { continue: next }) });
    const answer = await options.transport.send('GET', `${options.path}?${query}`, {
      what: `list ${options.path}`,
      signal: options.signal,
    });
    const page = JSON.parse(answer.text) as {
      items?: T[];
      metadata: { resourceVersion: string; continue?: string };
    };
    for (const item of page.items ?? []) options.onObject(item);
    next = page.metadata.continue ?? '';
    if (!next) return page.metadata.resourceVersion;
  }
}

async function watch<T extends KubeObject>(
  options: ListWatchOptions<T>,
  from: string,
  onVersion: (version: string) => void,
): Promise<void> {
  const seconds = options.watchSeconds ?? Math.round(290 * (1 + Math.random()));
  const query = selectors(options, {
    watch: 'true',
    allowWatchBookmarks: 'true',
    resourceVersion: from,
    timeoutSeconds: String(seconds),
  });
  const idleTimeoutMs = seconds * 1000 + slackMs;
  for await (const { type, object } of options.openWatch(`${options.path}?${query}`, {
    signal: options.signal,
    idleTimeoutMs,
  })) {
    if (type === 'DELETED') options.onDelete?.(object as T);
    else if (type !== 'BOOKMARK') options.onObject(object as T);
    if (object.metadata.resourceVersion) onVersion(object.metadata.resourceVersion);
  }
}

function selectors(options: ListWatchOptions<never>, more: Record<string, string>): URLSearchParams {
  const { fieldSelector, labelSelector } = options;
  return new URLSearchParams({
    ...(fieldSelector && { fieldSelector }),
    ...(labelSelector && { labelSelector }),
    ...more,
  });
}
