import { expect } from 'vitest';
import type { LiteApiserverStatus } from '../../../src/edge/lite-apiserver/status.ts';
import { poll } from './control-plane.ts';
import { askLocalApi, type LocalAnswer } from './local-api.ts';
import type { TestNode } from './playground.ts';

/** systemd's name of the node-local API proxy. */
export const liteUnit = 'edgeadm-lite-apiserver.service';
export const liteSocket = '/run/edgeadm/lite-apiserver.sock';

/** What the proxy of a node says of itself. */
export async function liteStatus(node: TestNode): Promise<LiteApiserverStatus> {
  const { stdout } = await node.run(['curl', '-sS', '--unix-socket', liteSocket, 'http://x/edge/status']);
  return JSON.parse(stdout) as LiteApiserverStatus;
}

/** Waits until the proxy says that it is online, or not. */
export function whenOnline(node: TestNode, online: boolean): Promise<LiteApiserverStatus> {
  return poll(
    `${node.short} ${online ? 'online' : 'offline'}`,
    async () => {
      const now = await liteStatus(node);
      return now.online === online ? now : undefined;
    },
    { timeoutMs: 60_000 },
  );
}

/** How often systemd had to start the proxy again by itself. */
export async function restarts(node: TestNode): Promise<number> {
  const { stdout } = await node.run(['systemctl', 'show', '--value', '--property=NRestarts', liteUnit]);
  return Number(stdout);
}

/** Asks the proxy as the node's kubelet does. */
const askAsKubelet = (node: TestNode, path: string): Promise<LocalAnswer> =>
  askLocalApi(node, path, { args: ['--cert', '/var/lib/kubelet/pki/kubelet-client-current.pem'] });

/** What kubelets read in these tests. */
export const kubeletPaths = (node: TestNode, namespace: string): string[] => [
  `/api/v1/pods?fieldSelector=spec.nodeName%3D${node.hostname}`,
  `/api/v1/nodes?fieldSelector=metadata.name%3D${node.hostname}`,
  '/api/v1/services?fieldSelector=spec.clusterIP%21%3DNone',
  `/api/v1/namespaces/${namespace}/configmaps?fieldSelector=metadata.name%3Dprices`,
  `/api/v1/namespaces/${namespace}/secrets?fieldSelector=metadata.name%3Dtill`,
];

interface Thing {
  metadata: { uid: string; name: string; namespace?: string };
  spec?: unknown;
  data?: unknown;
  type?: unknown;
}

/** The part of a list that nothing but its owner changes, in one order. */
function essence(list: { items: Thing[] }): string {
  const things = list.items.map(({ metadata: { uid, name, namespace }, spec, data, type }) => ({
    ...{ uid, name, namespace, data, type },
    // Tolerations of Pods and taints of Nodes come and go with the link.
    spec: without(spec, ['tolerations', 'taints']),
  }));
  return JSON.stringify(
    things.sort((a, b) => (a.uid < b.uid ? -1 : 1)),
    sortedKeys,
  );
}

const without = (value: unknown, keys: readonly string[]): unknown =>
  typeof value === 'object' && value !== null
    ? Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)))
    : value;

const sortedKeys = (_: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;

/** What the API server itself has for each path, for comparison. */
export async function truth(
  kubectl: (args: readonly string[]) => Promise<{ stdout: string }>,
  paths: readonly string[],
): Promise<Record<string, string>> {
  const rows = await Promise.all(
    paths.map(async (path) => [path, essence(JSON.parse((await kubectl(['get', '--raw', path])).stdout))]),
  );
  return Object.fromEntries(rows) as Record<string, string>;
}

/**
 * Asks the proxy for each path. Every answer must be the truth or 503, never something else; returns the paths that were
 * answered.
 */
export async function answeredRight(node: TestNode, right: Record<string, string>): Promise<string[]> {
  const answered: string[] = [];
  for (const [path, wanted] of Object.entries(right)) {
    const answer = await askAsKubelet(node, path);
    if (answer.status === 503) continue;
    expect({ path, status: answer.status, text: answer.status === 200 ? '' : answer.text }).toEqual({
      ...{ path, status: 200, text: '' },
    });
    expect(essence(answer.json), path).toBe(wanted);
    answered.push(path);
  }
  return answered;
}
