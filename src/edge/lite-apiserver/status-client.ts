import { http } from '../http.ts';
import type { PodNeeds } from './pods/needs.ts';
import type { Workload } from './pods/workload.ts';
import type { LiteApiserverStatus } from './status.ts';

/** Where the proxy answers root on its node. */
export const defaultStatusSocket = '/run/edgeadm/lite-apiserver.sock';

/** Asks a running proxy over its Unix socket. Rejects with the system's error when none is there, or within `timeoutMs`. */
export function readStatus(
  socket: string = defaultStatusSocket,
  timeoutMs = 3000,
): Promise<LiteApiserverStatus> {
  return ask(socket, '/edge/status', timeoutMs);
}

/** What each pod of the node needs and whether the cache has it; null when the kubelet has not read its pods yet. */
export function readPods(socket: string = defaultStatusSocket, timeoutMs = 3000): Promise<PodNeeds[] | null> {
  return ask(socket, '/edge/pods', timeoutMs);
}

/** Pods of the node, Services and EndpointSlices as the cache has them. */
export function readWorkload(socket: string = defaultStatusSocket, timeoutMs = 3000): Promise<Workload> {
  return ask(socket, '/edge/workload', timeoutMs);
}

function ask<T>(socket: string, path: string, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const sent = http.request({ socketPath: socket, path, timeout: timeoutMs }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('error', reject);
      answer.on('end', () => {
        try {
          resolve(JSON.parse(text) as T);
        } catch (error) {
          reject(error);
        }
      });
    });
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    sent.on('error', reject);
    sent.end();
  });
}
