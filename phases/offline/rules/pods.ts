import { finding, type OfflineFinding } from '../catalogue.ts';
import type { OfflineFacts } from '../facts.ts';

/** What the kubelet gets from the API server for a pod before its containers start. */
export function podFindings({ pods }: Pick<OfflineFacts, 'pods'>): OfflineFinding[] {
  return (pods ?? []).flatMap(({ namespace, name, inputs, tokens, volumes }) => {
    const pod = `${namespace}/${name}`;
    const missing = inputs.filter(({ kept, optional }) => !kept && !optional);
    const unissued = tokens.filter(({ kept }) => !kept);
    return [
      ...(missing.length > 0
        ? [
            finding(
              'PodInputMissing',
              `pod ${pod} needs ${missing.map(({ kind, name: input }) => `${kind} ${input}`).join(', ')}, which this node has not read`,
              'Make it in the cluster, or wait until the kubelet has read it, while the node is online.',
            ),
          ]
        : []),
      ...(unissued.length > 0
        ? [
            finding(
              'PodTokenMissing',
              `pod ${pod} needs a token of ${[...new Set(unissued.map(({ serviceAccount }) => `service account ${serviceAccount}`))].join(', ')}, which was not issued through this node's proxy`,
              `Start the pod anew while the node is online: kubectl -n ${namespace} delete pod ${name}`,
            ),
          ]
        : []),
      ...(volumes.length > 0
        ? [
            finding(
              'PodVolumeUnknown',
              `pod ${pod} has volumes whose driver may need the cloud: ${volumes.join(', ')}`,
              'Use local volumes, or try it: reboot the node while its link is cut.',
            ),
          ]
        : []),
    ];
  });
}
