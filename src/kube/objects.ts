import type { KubeDocument } from '../config/types.ts';
import { EdgeadmError } from '../errors.ts';
import type { ObjectRef } from './types.ts';

/** The reference of an object as manifests have it. */
export function refOf(object: KubeDocument): ObjectRef {
  const { name = '', namespace } = (object.metadata ?? {}) as { name?: string; namespace?: string };
  return { apiVersion: object.apiVersion, kind: object.kind, name, ...(namespace && { namespace }) };
}

/** `DaemonSet kube-flannel/kube-flannel-ds`, as messages name objects. */
export function describeRef(ref: Omit<ObjectRef, 'apiVersion'>): string {
  return `${ref.kind} ${ref.namespace ? `${ref.namespace}/` : ''}${ref.name}`;
}

export function unknownKind(apiVersion: string, kind: string): EdgeadmError {
  return new EdgeadmError('E_KUBE_API', `this cluster has no kind ${kind} in ${apiVersion}`, {
    hint: 'Is its CustomResourceDefinition applied, and does this version of Kubernetes serve it? `kubectl api-resources` lists what there is.',
  });
}
