import { expect, test } from 'vitest';
import { whenOnline } from '../support/lite.ts';
import { askLocalApi, tokenOf } from '../support/local-api.ts';
import { namespace } from '../support/offline-workloads.ts';
import type { TestNode, TestPlayground } from '../support/playground.ts';

export interface AccessSubject {
  playground: TestPlayground;
  edge: TestNode;
}

/** Registers the proof that a Pod in the network of an edge node is nobody but itself there. */
export function accessProof(subject: () => AccessSubject): void {
  test('a Pod in the network of the node is nobody but itself, with the cloud and without', async () => {
    const { playground, edge } = subject();
    const { items } = await playground.kubectlJson<{ items: { metadata: { uid: string } }[] }>([
      ...['get', 'pods', '-n', namespace, '-l', 'app=host'],
    ]);
    const token = await tokenOf(edge, items[0]!.metadata.uid);
    const merge = ['--header', 'Content-Type: application/merge-patch+json'];
    const vote = { 'edgeadm.superedge.io/unreachable-peers': '{"turn":"x","unreachable":["other"]}' };
    const attempts: [string, string, unknown?][] = [
      ['GET', '/api/v1/secrets'],
      ['GET', `/api/v1/namespaces/${namespace}/secrets/till`],
      ['GET', `/api/v1/namespaces/${namespace}/secrets?fieldSelector=metadata.name%3Dtill`],
      ['GET', `/api/v1/pods?fieldSelector=spec.nodeName%3D${edge.hostname}`],
      ['GET', '/api/v1/namespaces/edgeadm-health/configmaps'],
      ['POST', '/api/v1/namespaces/kube-system/serviceaccounts/kube-proxy/token', {}],
      ['PATCH', `/api/v1/nodes/${edge.hostname}/status`, { metadata: { labels: { mine: 'yes' } } }],
      ['PATCH', `/apis/storage.k8s.io/v1/csinodes/${edge.hostname}`, { metadata: { annotations: vote } }],
      ['GET', `/api/v1/nodes/${edge.hostname}/proxy/pods`],
    ];
    const statuses = async (given: { token?: string; args?: string[] }): Promise<number[]> => {
      const found = new Set<number>();
      for (const [method, path, body] of attempts) {
        const args = [...(method === 'PATCH' ? merge : []), ...(given.args ?? [])];
        const answer = await askLocalApi(edge, path, { ...given, method, body, args });
        if (answer.status < 400) throw new Error(`${method} ${path}: ${answer.status}`);
        found.add(answer.status);
      }
      return [...found].sort();
    };
    const as = (name: string, value: string) => ['--header', `${name}: ${value}`];
    expect(await statuses({})).toEqual([401]);
    expect(await statuses({ token })).toEqual([403]);
    const impersonated = { token, args: as('Impersonate-User', `system:node:${edge.hostname}`) };
    expect(await statuses(impersonated)).toEqual([403]);
    // The kubelet's own port: nothing for a Pod that found its way there.
    const kubelet = async (...args: string[]) => {
      const url = `https://${edge.address}:10250/pods`;
      const curl = ['curl', '-sk', '-o', '/dev/null', '-w', '%{http_code}', ...args, url] as const;
      return (await edge.run(['env', ...curl])).stdout;
    };
    expect(await kubelet()).toBe('401');
    expect(await kubelet('--header', `Authorization: Bearer ${token}`)).toBe('403');
    await edge.disconnect();
    await whenOnline(edge, false);
    expect(await statuses({})).toEqual([401]);
    // What others have read is not known of, whatever the name.
    for (const status of await statuses({ token })) expect([401, 403, 503]).toContain(status);
    for (const status of await statuses(impersonated)) expect([401, 403, 503]).toContain(status);
    expect(await statuses({ token: `${token}x` })).toEqual([401]);
    await edge.connect();
    await whenOnline(edge, true);
  });
}
