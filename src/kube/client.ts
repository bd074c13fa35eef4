import { EdgeadmError } from '../errors.ts';
import { KubeApiError } from './api-error.ts';
import { applyObjects } from './apply.ts';
import { type KubeconfigSource, readKubeconfig } from './kubeconfig.ts';
import { describeRef, unknownKind } from './objects.ts';
import { waitReady } from './ready.ts';
import { collectionPath, createResources, objectPath } from './resources.ts';
import { waitRollout } from './rollout.ts';
import { createTransport, type Transport } from './transport.ts';
import type { KubeClient, KubeObject, ObjectRef } from './types.ts';

export type ConnectOptions = KubeconfigSource & {
  /** For one request with its retries. Default 30 000. */
  timeoutMs?: number;
};

/** Makes a client from a kubeconfig's current context. Nothing is sent yet. Errors: E_KUBE_API. */
export async function connect(options: ConnectOptions): Promise<KubeClient> {
  const connection = await readKubeconfig(options);
  return createClient(createTransport(connection, { timeoutMs: options.timeoutMs ?? 30_000 }));
}

/** The client on any transport. */
function createClient(transport: Transport): KubeClient {
  const find = createResources(async (path, signal) =>
    absentIfNotFound(transport.send('GET', path, { signal })),
  );

  async function pathOf(ref: ObjectRef, signal?: AbortSignal): Promise<string | undefined> {
    const resource = await find(ref.apiVersion, ref.kind, { refresh: true, signal });
    return resource && objectPath(resource, ref);
  }

  return {
    async request<T>(
      method: string,
      path: string,
      body?: unknown,
      options: { contentType?: string; signal?: AbortSignal } = {},
    ) {
      const answer = await transport.send(method, path, { body, ...options });
      return parse<T>(answer.text, `${method} ${path}`);
    },

    async get<T extends KubeObject>(ref: ObjectRef): Promise<T | undefined> {
      const path = await pathOf(ref);
      if (!path) return undefined;
      const what = `get ${describeRef(ref)}`;
      const answer = await absentIfNotFound(transport.send('GET', path, { what }));
      return answer && parse<T>(answer.text, what);
    },

    async list<T extends KubeObject>(
      apiVersion: string,
      kind: string,
      options: { namespace?: string; labelSelector?: string; fieldSelector?: string } = {},
    ): Promise<T[]> {
      const resource = await find(apiVersion, kind, { refresh: true });
      if (!resource) throw unknownKind(apiVersion, kind);
      const { namespace, ...selectors } = options;
      const path = collectionPath(resource, apiVersion, namespace);
      const items: T[] = [];
      let next: string | undefined;
      do {
        const query = new URLSearchParams({ ...selectors, limit: '500', ...(next && { continue: next }) });
        const what = `list ${resource.plural}`;
        const answer = await transport.send('GET', `${path}?${query}`, { what });
        const page = parse<{ items?: T[]; metadata?: { continue?: string } }>(answer.text, what);
        // Items of a list carry neither apiVersion nor kind.
        for (const item of page.items ?? []) items.push({ ...item, apiVersion, kind });
        next = page.metadata?.continue;
      } while (next);
      return items;
    },

    apply: (objects, options = {}) => applyObjects({ transport, find }, objects, options),

    async delete(ref: ObjectRef): Promise<boolean> {
      const path = await pathOf(ref);
      if (!path) return false;
      const options = {
        what: `delete ${describeRef(ref)}`,
        body: { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background' },
      };
      return (await absentIfNotFound(transport.send('DELETE', path, options))) !== undefined;
    },

    async mergePatch(ref: ObjectRef, patch: unknown): Promise<void> {
      const path = await pathOf(ref);
      if (!path) throw unknownKind(ref.apiVersion, ref.kind);
      await transport.send('PATCH', `${path}?fieldManager=edgeadm&fieldValidation=Strict`, {
        what: `patch ${describeRef(ref)}`,
        body: patch,
        contentType: 'application/merge-patch+json',
      });
    },

    waitReady: (options) => waitReady(transport, options),
    waitRollout: (refs, options) => waitRollout({ transport, clientOn: createClient }, refs, options),
  };
}

async function absentIfNotFound<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof KubeApiError && error.status === 404) return undefined;
    throw error;
  }
}

function parse<T>(text: string, what: string): T {
  try {
    return (text === '' ? {} : JSON.parse(text)) as T;
  } catch (cause) {
    throw new EdgeadmError('E_KUBE_API', `${what}: the answer is not JSON: ${text.slice(0, 100)}`, {
      hint: 'Is the server in the kubeconfig a Kubernetes API server?',
      cause,
    });
  }
}
