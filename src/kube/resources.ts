import type { HttpsAnswer } from './https.ts';
import type { ObjectRef } from './types.ts';

/** Where the objects of a kind are in the API. */
export interface Resource {
  plural: string;
  namespaced: boolean;
}

/** Kinds that every cluster has, so that no discovery round trip is needed. `*` marks cluster-wide ones. */
const builtIn: Record<string, string> = {
  v1: 'ConfigMap Endpoints=endpoints Event LimitRange Namespace* Node* PersistentVolume* PersistentVolumeClaim Pod ResourceQuota Secret Service ServiceAccount',
  'apps/v1': 'ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet',
  'batch/v1': 'CronJob Job',
  'rbac.authorization.k8s.io/v1': 'ClusterRole* ClusterRoleBinding* Role RoleBinding',
  'apiextensions.k8s.io/v1': 'CustomResourceDefinition*',
  'apiregistration.k8s.io/v1': 'APIService*',
  'admissionregistration.k8s.io/v1':
    'MutatingWebhookConfiguration* ValidatingAdmissionPolicy*=validatingadmissionpolicies ValidatingAdmissionPolicyBinding* ValidatingWebhookConfiguration*',
  'certificates.k8s.io/v1': 'CertificateSigningRequest*',
  'coordination.k8s.io/v1': 'Lease',
  'discovery.k8s.io/v1': 'EndpointSlice',
  'networking.k8s.io/v1': 'Ingress=ingresses IngressClass*=ingressclasses NetworkPolicy=networkpolicies',
  'node.k8s.io/v1': 'RuntimeClass*=runtimeclasses',
  'policy/v1': 'PodDisruptionBudget',
  'scheduling.k8s.io/v1': 'PriorityClass*=priorityclasses',
  'storage.k8s.io/v1': 'CSIDriver* StorageClass*=storageclasses',
};

const table = new Map<string, Resource>();
for (const [apiVersion, kinds] of Object.entries(builtIn)) {
  for (const entry of kinds.split(' ')) {
    const [name = '', plural] = entry.split('=');
    const kind = name.replace('*', '');
    const resource = { plural: plural ?? `${kind.toLowerCase()}s`, namespaced: !name.endsWith('*') };
    table.set(`${apiVersion}/${kind}`, resource);
  }
}

/** `/api/v1` or `/apis/apps/v1`. */
function groupPath(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

/** Path of an object, or of the collection when `name` is empty. A namespaced kind without a namespace is in `default`, as kubectl has it. */
export function objectPath(resource: Resource, ref: ObjectRef): string {
  const parts = [groupPath(ref.apiVersion)];
  if (resource.namespaced) parts.push('namespaces', encodeURIComponent(ref.namespace ?? 'default'));
  parts.push(resource.plural);
  if (ref.name) parts.push(encodeURIComponent(ref.name));
  return parts.join('/');
}

/** Path of a collection; of all namespaces when none is given. */
export function collectionPath(resource: Resource, apiVersion: string, namespace?: string): string {
  const parts = [groupPath(apiVersion)];
  if (resource.namespaced && namespace) parts.push('namespaces', encodeURIComponent(namespace));
  return [...parts, resource.plural].join('/');
}

/** undefined: the cluster has no such kind. `refresh` asks again for one that was not there before. */
export type FindResource = (
  apiVersion: string,
  kind: string,
  options?: { refresh?: boolean; signal?: AbortSignal | undefined },
) => Promise<Resource | undefined>;

interface ResourceList {
  resources?: { name: string; kind: string; namespaced: boolean }[];
}

/** Finds kinds in the built-in table, then in the API's discovery documents (one request per group version, kept). */
export function createResources(
  fetch: (path: string, signal?: AbortSignal) => Promise<HttpsAnswer | undefined>,
): FindResource {
  const known = new Map<string, Map<string, Resource>>();

  async function discover(apiVersion: string, signal?: AbortSignal): Promise<Map<string, Resource>> {
    const answer = await fetch(groupPath(apiVersion), signal);
    const found = new Map<string, Resource>();
    const list = answer ? (JSON.parse(answer.text) as ResourceList) : {};
    for (const { name, kind, namespaced } of list.resources ?? []) {
      if (!name.includes('/')) found.set(kind, { plural: name, namespaced });
    }
    known.set(apiVersion, found);
    return found;
  }

  return async function find(apiVersion, kind, options = {}) {
    const fixed = table.get(`${apiVersion}/${kind}`);
    if (fixed) return fixed;
    const kept = known.get(apiVersion);
    if (kept && (kept.has(kind) || !options.refresh)) return kept.get(kind);
    return (await discover(apiVersion, options.signal)).get(kind);
  };
}
