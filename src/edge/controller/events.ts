import { hostname } from 'node:os';
import { refOf } from '../../kube/objects.ts';
import type { Transport } from '../../kube/transport.ts';
import type { KubeObject } from '../../kube/types.ts';

export type RecordEvent = (
  object: KubeObject,
  event: { type: 'Normal' | 'Warning'; reason: string; message: string },
) => Promise<void>;

const component = 'edgeadm-controller';

/**
 * Records Events about cluster-wide objects, in the namespace `default` where the API wants them
 * (k8s.io/kubernetes/pkg/apis/core/validation/events.go). Best effort: what fails goes to `onError`.
 */
export function eventRecorder(options: {
  transport: Pick<Transport, 'send'>;
  signal: AbortSignal;
  onError(error: Error): void;
}): RecordEvent {
  let sequence = 0;
  return async (object, { type, reason, message }) => {
    const { apiVersion, kind, name } = refOf(object);
    const now = new Date().toISOString();
    const body = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: {
        // As client-go names them: the object and a number that does not come twice.
        name: `${name.slice(0, 220)}.${Date.now().toString(16)}${(sequence++ % 4096).toString(16)}`,
        namespace: 'default',
      },
      involvedObject: {
        apiVersion,
        kind,
        name,
        uid: (object.metadata as { uid?: string }).uid,
        resourceVersion: object.metadata.resourceVersion,
      },
      type,
      reason,
      message: message.slice(0, 1024),
      source: { component, host: hostname() },
      reportingComponent: component,
      reportingInstance: hostname(),
      firstTimestamp: now.replace(/\.\d+Z$/, 'Z'),
      lastTimestamp: now.replace(/\.\d+Z$/, 'Z'),
      count: 1,
    };
    try {
      await options.transport.send('POST', '/api/v1/namespaces/default/events', {
        what: `record an event about ${kind} ${name}`,
        body,
        signal: options.signal,
        timeoutMs: 5000,
      });
    } catch (error) {
      if (!options.signal.aborted) options.onError(error as Error);
    }
  };
}
