import { request } from 'node:http';
import type { LiteApiserverStatus } from './status.ts';

/** Where the proxy answers root on its node. */
export const defaultStatusSocket = '/run/edgeadm/lite-apiserver.sock';

/** Asks a running proxy over its Unix socket. Rejects with the system's error when none is there, or within `timeoutMs`. */
export function readStatus(
  socket: string = defaultStatusSocket,
  timeoutMs = 3000,
): Promise<LiteApiserverStatus> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath: socket, path: '/edge/status', timeout: timeoutMs }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('error', reject);
      answer.on('end', () => {
        try {
          resolve(JSON.parse(text) as LiteApiserverStatus);
        } catch (error) {
          reject(error);
        }
      });
    });
    sent.on('timeout', () => sent.destroy(new Error(`no status within ${timeoutMs} ms`)));
    sent.on('error', reject);
    sent.end();
  });
}
