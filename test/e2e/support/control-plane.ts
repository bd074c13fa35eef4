import { execa } from 'execa';
import { paths } from '../../../src/host/paths.ts';
import { readKubeconfig } from '../../../src/kube/kubeconfig.ts';
import { createTransport, type Transport } from '../../../src/kube/transport.ts';
import { virtualAddress } from '../../../src/playground/subnet.ts';
import type { TestNode, TestPlayground } from './playground.ts';

/** Takes a node's power away: everything in it ends at once, and has ended when this returns. */
export async function powerOff(node: TestNode): Promise<void> {
  await execa('podman', ['kill', '--signal', 'KILL', node.name]);
  await execa('podman', ['wait', node.name]);
}

/** Polls until `look` gives something. Throws what it last threw, or that the deadline is over. */
export async function poll<T>(
  what: string,
  look: () => Promise<T | undefined>,
  { timeoutMs, everyMs = 250 }: { timeoutMs: number; everyMs?: number },
): Promise<T> {
  const end = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined) return found;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) throw last ?? new Error(`${what}: not within ${timeoutMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** The nodes that have the virtual IP on a link. */
export async function holders(playground: TestPlayground, nodes: readonly TestNode[]): Promise<TestNode[]> {
  const vip = virtualAddress(playground.subnet);
  const found = await Promise.all(
    nodes.map(async (node) => {
      const { stdout } = await node.run(['ip', '-o', 'address', 'show', 'to', vip]);
      return stdout === '' ? [] : [node];
    }),
  );
  return found.flat();
}

/** etcd's members, and whether each answers, as a node's own etcd and the packaged etcdctl tell it. */
export async function etcdMembers(node: TestNode): Promise<{ name: string; healthy: boolean }[]> {
  const pki = `${paths.pki}/etcd`;
  const etcdctl = async <T>(words: string): Promise<T> => {
    const { stdout } = await node.sh(
      `${paths.packages}/*/bin/etcdctl --endpoints=https://127.0.0.1:2379 --cacert=${pki}/ca.crt ` +
        `--cert=${pki}/healthcheck-client.crt --key=${pki}/healthcheck-client.key ${words} -w json`,
      { allowFailure: true },
    );
    return JSON.parse(stdout) as T;
  };
  const { members } = await etcdctl<{ members: { name?: string; clientURLs?: string[] }[] }>('member list');
  const health = await etcdctl<{ endpoint: string; health: boolean }[]>('endpoint health --cluster');
  return members.map(({ name = '', clientURLs = [] }) => ({
    name,
    healthy: health.some((each) => each.health && clientURLs.includes(each.endpoint)),
  }));
}

/** Waits until etcd has exactly these members and all of them are healthy. */
export async function waitForMembers(from: TestNode, nodes: readonly TestNode[]): Promise<void> {
  const wanted = nodes.map(({ name }) => name).sort();
  let seen = '';
  await poll(
    'healthy etcd members',
    async () => {
      const members = await etcdMembers(from);
      seen = JSON.stringify(members);
      const healthy = members.filter((member) => member.healthy).map(({ name }) => name);
      return members.length === wanted.length && healthy.sort().join() === wanted.join() ? true : undefined;
    },
    { timeoutMs: 120_000 },
  ).catch((error) => {
    throw new Error(`etcd has the members ${seen}, not ${wanted.join(', ')} in health`, { cause: error });
  });
}

/** A client on this machine that knows the virtual IP alone and tries each request once, for a second at most. */
export async function outsideClient(node: TestNode): Promise<Transport> {
  const connection = await readKubeconfig({ kubeconfig: await node.read(paths.adminConf) });
  const transport = createTransport(connection, { timeoutMs: 1_000 });
  return {
    endpoint: transport.endpoint,
    send: (method, path, options) => transport.send(method, path, { ...options, retry: false }),
  };
}
