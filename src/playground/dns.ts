import { EdgeadmError } from '../errors.ts';
import type { KubeClient, KubeObject } from '../kube/types.ts';
import { programNode } from './node-package.ts';
import type { Provider } from './provider.ts';

/**
 * Asks a DNS server until it answers, with the Node.js of the program that every node has. Arguments: server, name,
 * milliseconds. Prints the addresses.
 */
const probe = `
const { Resolver } = require('node:dns').promises;
const [server, name, timeoutMs] = process.argv.slice(1);
const end = performance.now() + Number(timeoutMs);
(async () => {
  for (;;) {
    const resolver = new Resolver({ timeout: 1000, tries: 1 });
    resolver.setServers([server]);
    try {
      return console.log((await resolver.resolve4(name)).join(' '));
    } catch (error) {
      if (performance.now() > end) {
        console.error(error.code);
        process.exit(1);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
})();`;

interface Service extends KubeObject {
  spec?: { clusterIP?: string };
}

/**
 * Waits until the cluster's DNS resolves `kubernetes.default` on each node, over its service address: so kube-proxy,
 * the pod network and CoreDNS all work there. Errors: E_ROLLOUT.
 */
export async function waitForDns(
  provider: Provider,
  kube: KubeClient,
  nodes: readonly string[],
  { signal, timeoutMs }: { signal: AbortSignal; timeoutMs: number },
): Promise<void> {
  const service = await kube.get<Service>({
    apiVersion: 'v1',
    kind: 'Service',
    namespace: 'kube-system',
    name: 'kube-dns',
  });
  const server = service?.spec?.clusterIP;
  // A cluster without CoreDNS (its phase skipped) has nothing to wait for.
  if (!server) return;
  const name = `kubernetes.default.svc.${await dnsDomain(kube)}`;
  await Promise.all(
    nodes.map(async (node) => {
      const { exitCode, stderr } = await provider.exec(
        node,
        [programNode, '-e', probe, server, name, String(timeoutMs)],
        {
          allowFailure: true,
          timeoutMs: timeoutMs + 5_000,
          signal,
        },
      );
      if (exitCode === 0) return;
      throw new EdgeadmError(
        'E_ROLLOUT',
        `the cluster's DNS at ${server} does not answer for ${name} (${stderr.trim()})`,
        {
          host: node,
          hint: 'See `edgeadm playground kubectl -n kube-system get pods -o wide`.',
        },
      );
    }),
  );
}

/** From the configuration that kubeadm keeps in the cluster. */
async function dnsDomain(kube: KubeClient): Promise<string> {
  const config = await kube.get<KubeObject & { data?: { ClusterConfiguration?: string } }>({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    namespace: 'kube-system',
    name: 'kubeadm-config',
  });
  return /^\s*dnsDomain:\s*(\S+)\s*$/m.exec(config?.data?.ClusterConfiguration ?? '')?.[1] ?? 'cluster.local';
}
