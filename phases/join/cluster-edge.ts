import type { ClusterEdge } from '../../src/config/cluster-edge.ts';
import { EdgeadmError } from '../../src/errors.ts';
import type { KubeObject } from '../../src/kube/types.ts';
import type { JoinContext } from './context.ts';

/** init writes the object as soon as there is an API server, but a node can be faster. */
const waitMs = 120_000;

const read = new WeakMap<JoinContext, Promise<ClusterEdge>>();

/**
 * The cluster-wide settings of edgeadm, read once with the node's own credentials. In a dry run there may be no cluster
 * to ask yet: then what the node's own configuration says.
 * Errors: E_EDGE_NODE when the cluster has none, E_KUBE_API, E_CONFIG_INVALID.
 */
export function clusterEdge(ctx: JoinContext, signal: AbortSignal): Promise<ClusterEdge> {
  if (ctx.host.dryRun) return Promise.resolve(ctx.edge);
  let found = read.get(ctx);
  if (!found) {
    found = fetchClusterEdge(ctx, signal);
    found.catch(() => read.delete(ctx));
    read.set(ctx, found);
  }
  return found;
}

async function fetchClusterEdge(ctx: JoinContext, signal: AbortSignal): Promise<ClusterEdge> {
  const [{ edgeConfigKey, edgeConfigMap, parseClusterEdge }, { edgeDefaults }, { default: pRetry }] =
    await Promise.all([
      import('../../src/config/cluster-edge.ts'),
      import('../../src/config/edge-configuration.ts'),
      import('p-retry'),
    ]);
  const missing = new EdgeadmError(
    'E_EDGE_NODE',
    `the cluster has no ConfigMap ${edgeConfigMap.namespace}/${edgeConfigMap.name}`,
    {
      hint: 'Run `edgeadm init phase upload-edge-config` on a control-plane node, or join with --enable-edge=false.',
    },
  );
  const kube = await ctx.kube();
  const object = await pRetry(
    async () => {
      const found = await kube.get<KubeObject & { data?: Record<string, string> }>(edgeConfigMap);
      if (!found) throw missing;
      return found;
    },
    {
      maxRetryTime: waitMs,
      retries: Number.POSITIVE_INFINITY,
      minTimeout: 250,
      maxTimeout: 2000,
      signal,
      // The Role comes with the object.
      shouldRetry: ({ error }) => error === missing || /forbidden/i.test(error.message),
    },
  );
  const cluster = parseClusterEdge(object.data?.[edgeConfigKey] ?? '');
  const own = ctx.edge.virtualAddress;
  if (own !== cluster.virtualAddress && own !== edgeDefaults(ctx.machine).virtualAddress) {
    ctx.emit({
      type: 'warning',
      message: `the edge virtual address of this cluster is ${cluster.virtualAddress}: ${own} is not used`,
      hint: 'It is chosen once, with `edgeadm init --edge-virtual-addr`.',
    });
  }
  return cluster;
}
