import { KubeApiError } from '../../../kube/api-error.ts';
import type { DutyContext } from '../duty.ts';
import { type Pod, planTolerations, secondsAnnotation } from './tolerations.ts';

const podPath = (key: string) => {
  const [namespace = '', name = ''] = key.split('/');
  return `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}`;
};

export const podKey = ({ metadata: { namespace, name } }: Pod) => `${namespace}/${name}`;

/**
 * Brings a pod's tolerations to what they shall be, from its state now. True when it was changed.
 * Errors: E_KUBE_API; 409 when somebody else changed it in between.
 */
export async function settlePod(
  { transport, signal }: Pick<DutyContext, 'transport' | 'signal'>,
  key: string,
  isLost: (node: string) => boolean,
): Promise<boolean> {
  const path = podPath(key);
  try {
    const pod = JSON.parse((await transport.send('GET', path, { signal })).text) as Pod;
    const change = planTolerations(pod, isLost(pod.spec?.nodeName ?? ''));
    if (!change) return false;
    await transport.send('PATCH', path, {
      what: `set the tolerations of pod ${key}`,
      contentType: 'application/merge-patch+json',
      body: {
        metadata: {
          uid: pod.metadata.uid,
          resourceVersion: pod.metadata.resourceVersion,
          annotations: { [secondsAnnotation]: change.seconds },
        },
        spec: { tolerations: change.tolerations },
      },
      signal,
    });
    return true;
  } catch (error) {
    if (error instanceof KubeApiError && error.status === 404) return false;
    throw error;
  }
}

/** Pods of one node, page by page. */
export async function eachPodOf(
  { transport, signal }: Pick<DutyContext, 'transport' | 'signal'>,
  node: string,
  onPod: (pod: Pod) => void,
): Promise<void> {
  let next = '';
  do {
    const query = new URLSearchParams({
      fieldSelector: `spec.nodeName=${node}`,
      limit: '500',
      ...(next && { continue: next }),
    });
    const answer = await transport.send('GET', `/api/v1/pods?${query}`, {
      what: `list pods of ${node}`,
      signal,
    });
    const page = JSON.parse(answer.text) as { items?: Pod[]; metadata?: { continue?: string } };
    for (const pod of page.items ?? []) onPod(pod);
    next = page.metadata?.continue ?? '';
  } while (next !== '');
}
