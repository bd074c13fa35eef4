import type { KubeObject } from '../../src/kube/types.ts';

export interface Kind {
  apiVersion: string;
  kind: string;
  plural: string;
  namespaced: boolean;
}

export interface StatusAnswer {
  status: number;
  reason: string;
  message: string;
}

const kind = (apiVersion: string, name: string, plural: string, namespaced = true): Kind => ({
  apiVersion,
  kind: name,
  plural,
  namespaced,
});

/** Kinds that the fake serves from the start. CustomResourceDefinitions add more. */
const builtIn: Kind[] = [
  kind('v1', 'Namespace', 'namespaces', false),
  kind('v1', 'Node', 'nodes', false),
  kind('v1', 'Pod', 'pods'),
  kind('v1', 'Event', 'events'),
  kind('v1', 'ConfigMap', 'configmaps'),
  kind('v1', 'Secret', 'secrets'),
  kind('v1', 'ServiceAccount', 'serviceaccounts'),
  kind('v1', 'Service', 'services'),
  kind('apps/v1', 'DaemonSet', 'daemonsets'),
  kind('apps/v1', 'Deployment', 'deployments'),
  kind('apps/v1', 'StatefulSet', 'statefulsets'),
  kind('coordination.k8s.io/v1', 'Lease', 'leases'),
  kind('rbac.authorization.k8s.io/v1', 'ClusterRole', 'clusterroles', false),
  kind('rbac.authorization.k8s.io/v1', 'ClusterRoleBinding', 'clusterrolebindings', false),
  kind('apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'customresourcedefinitions', false),
  kind('flowers.example.org/v1', 'Tulip', 'tulips'),
];

type Fields = Record<string, unknown>;

/** Objects by path, with the bookkeeping of a real API server: resourceVersion, generation, uid. */
export class Store {
  readonly objects = new Map<string, KubeObject>();
  readonly kinds: Kind[] = [...builtIn];
  /** Served after that many more discovery requests. */
  readonly pendingKinds: { kind: Kind; delay: number }[] = [];
  #version = 100;

  constructor() {
    for (const name of ['default', 'kube-system', 'kube-public']) {
      this.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    }
  }

  /** Path of an object: `/apis/apps/v1/namespaces/x/daemonsets/y`. */
  pathOf(object: KubeObject): string {
    const found = this.kinds.find(
      (each) => each.apiVersion === object.apiVersion && each.kind === object.kind,
    );
    if (!found) throw new Error(`the fake has no kind ${object.kind}`);
    const { name, namespace = 'default' } = object.metadata;
    const scope = found.namespaced ? `/namespaces/${namespace}` : '';
    return `${group(object.apiVersion)}${scope}/${found.plural}/${name}`;
  }

  /** Stores as it is: what a controller or a test setup does. */
  put(object: KubeObject): KubeObject {
    const path = this.pathOf(object);
    const before = this.objects.get(path);
    const metadata = {
      uid: path,
      generation: 1,
      ...before?.metadata,
      ...object.metadata,
      resourceVersion: String(++this.#version),
    };
    const stored = { ...object, metadata };
    this.objects.set(path, stored);
    return stored;
  }

  /** Merges maps deeply and replaces lists. A merge that changes nothing keeps the resourceVersion. */
  patch(path: string, change: Fields, dryRun: boolean): { object: KubeObject; created: boolean } {
    const before = this.objects.get(path);
    if (!before) {
      const object = change as KubeObject;
      return { object: dryRun ? object : this.put(object), created: true };
    }
    const after = merge(before, change) as KubeObject;
    if (JSON.stringify(after) === JSON.stringify(before)) return { object: before, created: false };
    if (dryRun) return { object: after, created: false };
    const specChanged = JSON.stringify(after.spec) !== JSON.stringify(before.spec);
    const { generation = 1 } = before.metadata as { generation?: number };
    const metadata = { ...after.metadata, generation: specChanged ? generation + 1 : generation };
    return { object: this.put({ ...after, metadata }), created: false };
  }

  list(prefix: string, plural: string, query: URLSearchParams): KubeObject[] {
    const pattern = new RegExp(`^${prefix.replaceAll('.', '\\.')}(/namespaces/[^/]+)?/${plural}/[^/]+$`);
    return [...this.objects]
      .filter(([path]) => pattern.test(path))
      .map(([, object]) => object)
      .filter((object) => matches(object, 'labelSelector', query) && matches(object, 'fieldSelector', query));
  }
}

export function group(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

function matches(
  object: KubeObject,
  selector: 'labelSelector' | 'fieldSelector',
  query: URLSearchParams,
): boolean {
  return (query.get(selector) ?? '')
    .split(',')
    .filter(Boolean)
    .every((term) => {
      const [key = '', value] = term.split('=');
      return selector === 'labelSelector'
        ? object.metadata.labels?.[key] === value
        : String(field(object, key)) === value;
    });
}

function field(object: unknown, path: string): unknown {
  return path.split('.').reduce((value: unknown, key) => (value as Fields | undefined)?.[key], object);
}

function merge(before: unknown, change: unknown): unknown {
  if (!isMap(before) || !isMap(change)) return change;
  const result: Fields = { ...before };
  for (const [key, value] of Object.entries(change)) {
    if (value === null) delete result[key];
    else result[key] = merge(before[key], value);
  }
  return result;
}

function isMap(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
