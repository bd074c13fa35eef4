import type { ApiObject } from '../wire/object.ts';

/** What a pod needs before its containers start, and of that what this node can give it without the cloud. */
export interface PodNeeds {
  namespace: string;
  name: string;
  images: { image: string; pullPolicy: string }[];
  /** ConfigMaps and Secrets; `kept`: the cache has them. */
  inputs: { kind: 'ConfigMap' | 'Secret'; name: string; optional: boolean; kept: boolean }[];
  /** Projected service account tokens; `kept`: one can be handed out again. */
  tokens: { serviceAccount: string; audience: string; kept: boolean }[];
  /** Volumes that are not this node's own affair: `data (PersistentVolumeClaim data)`. */
  volumes: string[];
}

interface Reference {
  name?: string;
  optional?: boolean;
}

interface ProjectedSource {
  configMap?: Reference;
  secret?: Reference;
  serviceAccountToken?: { audience?: string };
  /** ClusterTrustBundle, pod certificates: nothing here keeps them. */
  [other: string]: unknown;
}

interface Volume {
  name: string;
  configMap?: Reference;
  secret?: { secretName?: string; optional?: boolean };
  projected?: { sources?: ProjectedSource[] };
  persistentVolumeClaim?: { claimName?: string };
  [driver: string]: unknown;
}

interface Container {
  image?: string;
  imagePullPolicy?: string;
  envFrom?: { configMapRef?: Reference; secretRef?: Reference }[];
  env?: { valueFrom?: { configMapKeyRef?: Reference; secretKeyRef?: Reference } }[];
}

interface PodSpec {
  serviceAccountName?: string;
  initContainers?: Container[];
  containers?: Container[];
  volumes?: Volume[];
}

/** Asked for each thing that a pod needs. */
export interface Kept {
  object(kind: 'ConfigMap' | 'Secret', namespace: string, name: string): boolean;
  token(
    pod: { namespace: string; name: string; uid: string },
    serviceAccount: string,
    audience: string,
  ): boolean;
}

/** Volumes that the node makes by itself (kubernetes.io/docs/concepts/storage/volumes). */
const local = new Set([
  'name',
  'emptyDir',
  'hostPath',
  'downwardAPI',
  'configMap',
  'secret',
  'projected',
  'image',
]);

/** True for a pod that the kubelet reads from a file: it needs nothing of the cloud, and its spec is a copy. */
function isStatic({ metadata }: ApiObject): boolean {
  return metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined;
}

/** Needs of a pod; undefined for one that has ended or is being deleted, which nobody starts again. */
export function needsOf(pod: ApiObject, kept: Kept): PodNeeds | undefined {
  const {
    namespace = '',
    name = '',
    uid = '',
  } = pod.metadata as { namespace?: string; name?: string; uid?: string };
  const { phase } = (pod.status ?? {}) as { phase?: string };
  if (phase === 'Succeeded' || phase === 'Failed' || pod.metadata.deletionTimestamp) return undefined;
  const spec = (pod.spec ?? {}) as PodSpec;
  const containers = [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
  const needs: PodNeeds = {
    ...{ namespace, name, inputs: [], tokens: [], volumes: [] },
    images: containers.map(({ image = '', imagePullPolicy = '' }) => ({
      image,
      pullPolicy: imagePullPolicy,
    })),
  };
  if (isStatic(pod)) return needs;
  const need = (kind: 'ConfigMap' | 'Secret', input: string | undefined, optional = false): void => {
    const known = needs.inputs.find((each) => each.kind === kind && each.name === input);
    if (known) known.optional &&= optional;
    else if (input) {
      needs.inputs.push({ kind, name: input, optional, kept: kept.object(kind, namespace, input) });
    }
  };
  for (const { envFrom = [], env = [] } of containers) {
    for (const { configMapRef, secretRef } of envFrom) {
      need('ConfigMap', configMapRef?.name, configMapRef?.optional);
      need('Secret', secretRef?.name, secretRef?.optional);
    }
    for (const { valueFrom } of env) {
      need('ConfigMap', valueFrom?.configMapKeyRef?.name, valueFrom?.configMapKeyRef?.optional);
      need('Secret', valueFrom?.secretKeyRef?.name, valueFrom?.secretKeyRef?.optional);
    }
  }
  const serviceAccount = spec.serviceAccountName || 'default';
  for (const volume of spec.volumes ?? []) {
    need('ConfigMap', volume.configMap?.name, volume.configMap?.optional);
    need('Secret', volume.secret?.secretName, volume.secret?.optional);
    for (const source of volume.projected?.sources ?? []) {
      const { configMap, secret, serviceAccountToken, downwardAPI: _, ...others } = source;
      need('ConfigMap', configMap?.name, configMap?.optional);
      need('Secret', secret?.name, secret?.optional);
      if (serviceAccountToken) {
        const { audience = '' } = serviceAccountToken;
        needs.tokens.push({
          ...{ serviceAccount, audience },
          kept: kept.token({ namespace, name, uid }, serviceAccount, audience),
        });
      }
      for (const kind of Object.keys(others)) needs.volumes.push(`${volume.name} (${kind})`);
    }
    for (const driver of Object.keys(volume).filter((field) => !local.has(field))) {
      const claim = volume.persistentVolumeClaim?.claimName;
      needs.volumes.push(
        `${volume.name} (${driver === 'persistentVolumeClaim' ? `PersistentVolumeClaim ${claim}` : driver})`,
      );
    }
  }
  return needs;
}
