import type { KubeDocument } from '../config/types.ts';
import { KubeApiError } from './api-error.ts';
import { deadline, pause } from './deadline.ts';
import { describeRef, refOf, unknownKind } from './objects.ts';
import { type FindResource, objectPath } from './resources.ts';
import type { Transport } from './transport.ts';
import type { KubeObject, ObjectRef } from './types.ts';

export const fieldManager = 'edgeadm';

/** How long a CustomResourceDefinition applied just before may take until its kind is served. */
const crdTimeoutMs = 30_000;

interface Api {
  transport: Transport;
  find: FindResource;
}

interface ApplyOptions {
  signal?: AbortSignal;
  dryRun?: boolean;
}

/**
 * Server-side apply of each object in the given order, as raw JSON (KEP-555). A kind whose
 * CustomResourceDefinition stands earlier in the list is waited for. In a dry run, objects in a namespace or of a kind
 * that the same list would create count as changed.
 */
export async function applyObjects(
  api: Api,
  objects: readonly KubeDocument[],
  options: ApplyOptions,
): Promise<boolean> {
  const all = objects.flatMap(items);
  const ownKinds = new Set(all.filter((each) => each.kind === 'CustomResourceDefinition').map(definedKind));
  const ownNamespaces = new Set(
    all.filter((each) => each.kind === 'Namespace').map((each) => refOf(each).name),
  );
  let changed = false;
  for (const object of all) {
    const ref = refOf(object);
    const own = {
      kind: ownKinds.has(`${ref.apiVersion.split('/')[0]}/${ref.kind}`),
      namespace: ref.namespace !== undefined && ownNamespaces.has(ref.namespace),
    };
    changed = (await applyOne(api, object, ref, own, options)) || changed;
  }
  return changed;
}

async function applyOne(
  { transport, find }: Api,
  object: KubeDocument,
  ref: ObjectRef,
  own: { kind: boolean; namespace: boolean },
  { signal, dryRun }: ApplyOptions,
): Promise<boolean> {
  const until = deadline(own.kind && !dryRun ? crdTimeoutMs : 0);
  for (;;) {
    try {
      const resource = await find(ref.apiVersion, ref.kind, { refresh: true, signal });
      if (!resource) throw unknownKind(ref.apiVersion, ref.kind);
      const path = objectPath(resource, ref);
      const before = await contentBefore(transport, path, ref, signal);
      const query = `fieldManager=${fieldManager}&force=true&fieldValidation=Strict${dryRun ? '&dryRun=All' : ''}`;
      const answer = await transport.send('PATCH', `${path}?${query}`, {
        what: `apply ${describeRef(ref)}`,
        body: object,
        contentType: 'application/apply-patch+yaml',
        signal,
      });
      if (answer.status === 201 || before === undefined) return true;
      // Not by the resourceVersion: a dry run keeps it, and controllers that write the status in between change it.
      return contentOf(JSON.parse(answer.text) as KubeObject) !== before;
    } catch (error) {
      const missing = !(error instanceof KubeApiError) || error.status === 404;
      if (dryRun && missing && (own.kind || own.namespace)) return true;
      if (!own.kind || !missing || until.expired()) throw error;
      await pause(250, until, signal);
    }
  }
}

async function contentBefore(
  transport: Transport,
  path: string,
  ref: ObjectRef,
  signal: AbortSignal | undefined,
) {
  try {
    const answer = await transport.send('GET', path, { what: `get ${describeRef(ref)}`, signal });
    return contentOf(JSON.parse(answer.text) as KubeObject);
  } catch (error) {
    if (error instanceof KubeApiError && error.status === 404) return undefined;
    throw error;
  }
}

/** What an apply may change: neither the bookkeeping nor what controllers say of it. */
function contentOf({ status: _status, ...object }: KubeObject & { status?: unknown }): string {
  const { resourceVersion: _, ...metadata } = object.metadata;
  const kept: Record<string, unknown> = { ...metadata };
  for (const field of ['managedFields', 'generation', 'uid', 'creationTimestamp']) delete kept[field];
  return JSON.stringify({ ...object, metadata: kept });
}

/** `kind: List` documents stand for their items. */
function items(object: KubeDocument): KubeDocument[] {
  return object.kind === 'List' && Array.isArray(object.items) ? (object.items as KubeDocument[]) : [object];
}

function definedKind(crd: KubeDocument): string {
  const spec = crd.spec as { group?: string; names?: { kind?: string } } | undefined;
  return `${spec?.group}/${spec?.names?.kind}`;
}
