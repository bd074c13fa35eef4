import { isPods } from '../cache/collection.ts';
import { readWhole } from '../http1/incoming.ts';
import type { Request } from '../http1/server-connection.ts';
import type { ApiPath } from '../request/path.ts';
import type { Caller } from '../serve/identity.ts';
import type { ApiObject } from '../wire/object.ts';
import type { ProxyContext } from './context.ts';

interface PodStatus {
  phase?: string;
  [field: string]: unknown;
}

/** The kubelet reports the state of a pod. */
export function isPodStatus(caller: Caller, method: string, path: ApiPath | undefined): boolean {
  return (
    caller.type === 'node' &&
    method === 'PATCH' &&
    path?.group === '' &&
    path.resource === 'pods' &&
    path.subresource === 'status'
  );
}

/**
 * A pod of a Job that ended while offline must not run again after a reboot, so its end is noted in the cache, although
 * the write itself is refused and the kubelet reports again when the cloud is back. Pods that always run are left alone.
 */
export async function noteEndedPod(
  context: ProxyContext,
  caller: Caller,
  request: Request,
  path: ApiPath,
): Promise<void> {
  const body = await readWhole(request, 1 << 20).catch(() => undefined);
  const patch = body && parse(body);
  const phase = patch?.status?.phase;
  if (!patch || (phase !== 'Succeeded' && phase !== 'Failed')) return;
  const { store } = context;
  store.flush();
  store.guard(() => {
    for (const collection of store.collections) {
      const { key } = collection;
      if (key.identity !== caller.identity || !isPods(key) || !collection.complete) continue;
      const row = store.collections.row(collection, path.namespace, path.name);
      if (!row) continue;
      const pod = JSON.parse(row.body) as ApiObject & {
        spec?: { restartPolicy?: string };
        status?: PodStatus;
      };
      const { uid } = patch.metadata ?? {};
      if (
        (pod.spec?.restartPolicy ?? 'Always') === 'Always' ||
        (uid !== undefined && uid !== pod.metadata.uid)
      )
        continue;
      store.collections.overlay(collection, path.namespace, path.name, {
        ...pod,
        status: ended(pod.status, patch.status),
      });
    }
  });
}

/** What a strategic merge of these fields gives; conditions and the like do not matter to a kubelet that starts. */
function ended(status: PodStatus | undefined, patch: PodStatus | undefined): PodStatus {
  const fields = ['phase', 'reason', 'message', 'startTime', 'containerStatuses', 'initContainerStatuses'];
  return {
    ...status,
    ...Object.fromEntries(
      fields.flatMap((field) => (patch?.[field] === undefined ? [] : [[field, patch[field]]])),
    ),
  };
}

function parse(body: Buffer): { metadata?: { uid?: string }; status?: PodStatus } | undefined {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
