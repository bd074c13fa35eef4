import { paths } from '../../../src/host/paths.ts';
import type { TestNode } from './playground.ts';

/**
 * What the API server of `from`, and none other, hears of a node's kubelet: `ok`, or undefined when it does not reach it.
 */
export async function nodeAnswers(from: TestNode, node: TestNode): Promise<string | undefined> {
  const { stdout, exitCode } = await from.run(
    [
      'kubectl',
      '--kubeconfig',
      paths.adminConf,
      `--server=https://${from.address}:6443`,
      '--request-timeout=5s',
      'get',
      '--raw',
      `/api/v1/nodes/${node.name}/proxy/healthz`,
    ],
    { allowFailure: true },
  );
  return exitCode === 0 ? stdout : undefined;
}

/** Destinations that the konnectivity server of a node has agents for, by strategy: an agent has its name and address. */
export async function backends(server: TestNode): Promise<Record<string, number>> {
  const { stdout } = await server.run(['curl', '-s', 'http://127.0.0.1:8134/metrics'], {
    allowFailure: true,
  });
  const pattern = /^konnectivity_network_proxy_server_ready_backends\{proxy_strategy="(\w+)"\} (\d+)$/gm;
  return Object.fromEntries(
    [...stdout.matchAll(pattern)].map(([, strategy, count]) => [strategy, Number(count)]),
  );
}
