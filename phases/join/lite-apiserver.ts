import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { localApiServer } from '../../src/config/edge-node.ts';
import { textAt } from '../../src/config/fields.ts';
import { EdgeadmError } from '../../src/errors.ts';
import { paths } from '../../src/host/paths.ts';
import type { KubeClient, KubeObject } from '../../src/kube/types.ts';
import type { Phase, PhaseRun } from '../../src/workflow/phase.ts';
import {
  type LiteApiserverFacts,
  liteApiserverDocument,
  liteApiserverUnit,
  liteApiserverUnitText,
} from '../node/lite-apiserver.ts';
import { clusterEdge } from './cluster-edge.ts';
import type { JoinContext } from './context.ts';
import { apiServers, lastLines, notAnEdgeNode, requiresKubeletCertificate } from './edge-node.ts';

/** Getting its certificate approved is most of it, and the controller may still be starting. */
const answerMs = 180_000;

/**
 * Starts the node-local API proxy: its configuration, its unit, and a wait until it answers with a certificate of its
 * own, which it asks the cluster for by itself. Nothing uses it yet: the phase `edge-kubelet` turns the kubelet to it.
 */
export const liteApiserverPhase: Phase<JoinContext> = {
  name: 'lite-apiserver',
  short: 'Start the node-local API proxy',
  long: 'Writes the configuration and the unit of the process that keeps an edge node alive without the cloud, starts it, and waits until it answers for the API server. Its key is made on this node; the controller in the cluster approves its certificate.',
  example: 'edgeadm join phase lite-apiserver',
  skip: (ctx) => {
    if (ctx.role !== 'edge') return notAnEdgeNode;
    return ctx.edge.addons['lite-apiserver']?.enabled === false
      ? 'left out by EdgeConfiguration.addons'
      : undefined;
  },
  requires: requiresKubeletCertificate,
  async run(ctx, run) {
    const { host } = ctx;
    const { hasAddon } = await import('../../src/config/cluster-edge.ts');
    const cluster = await clusterEdge(ctx, run.signal);
    if (!hasAddon(cluster, ctx.edge, 'lite-apiserver')) {
      run.progress("left out by the cluster's EdgeConfiguration");
      return false;
    }
    const facts = await readFacts(ctx, cluster.virtualAddress, hasAddon(cluster, ctx.edge, 'edge-health'));
    const { renderDocuments } = await import('../../src/config/documents.ts');
    const config = renderDocuments([liteApiserverDocument(facts)]);
    // The process fills it by itself: keys, certificates, the cache.
    await host.claimTree(paths.liteApiserver);
    await host.claimNetwork();
    const done = [
      await host.makeDirectory(paths.liteApiserver, { mode: 0o700 }),
      await host.writeFile(paths.liteApiserverConfig, config),
      await host.writeFile(join(paths.units, liteApiserverUnit), liteApiserverUnitText),
    ];
    run.progress('start the proxy');
    const version = createHash('sha256')
      .update(config)
      .update(liteApiserverUnitText)
      // A newer edgeadm that the phase `package` has put in place.
      .update((await host.readText(join(paths.program, 'package.json'))) ?? '')
      .digest('hex');
    done.push(await host.enableUnit(liteApiserverUnit, { version }));
    if (!host.dryRun) await waitUntilItAnswers(ctx, run);
    return done.some(Boolean);
  },
};

/** What the process has to know of the cluster, asked of the cluster and of what kubeadm left on this host. */
async function readFacts(
  ctx: JoinContext,
  virtualAddress: string,
  health: boolean,
): Promise<LiteApiserverFacts> {
  const { host, nodeName } = ctx;
  if (host.dryRun) {
    const servers = [`https://${ctx.settings.endpoint ?? 'the API server'}`];
    const service = { address: "the Service kubernetes' address", port: 443 };
    return {
      nodeName,
      servers,
      virtualAddress,
      service,
      serviceSubnets: [],
      dnsDomain: 'cluster.local',
      health,
    };
  }
  const { parseYaml } = await import('../../src/config/yaml.ts');
  const kubeletConfig = join(paths.kubelet, 'config.yaml');
  const [kubelet] = parseYaml({ text: (await host.readText(kubeletConfig)) ?? '', path: kubeletConfig });
  const kube = await ctx.kube();
  const service = await kube.get<KubeObject & { spec?: { clusterIP?: string; ports?: { port: number }[] } }>({
    apiVersion: 'v1',
    kind: 'Service',
    namespace: 'default',
    name: 'kubernetes',
  });
  const address = service?.spec?.clusterIP;
  if (!address) {
    throw new EdgeadmError('E_EDGE_NODE', 'the cluster has no Service default/kubernetes with an address', {
      hint: 'kube-apiserver keeps it: see its log on a control-plane node.',
    });
  }
  return {
    nodeName,
    servers: await apiServers(host),
    virtualAddress,
    service: { address, port: service.spec?.ports?.[0]?.port ?? 443 },
    serviceSubnets: await readServiceSubnets(kube),
    dnsDomain: textAt(kubelet, 'clusterDomain') ?? 'cluster.local',
    health,
  };
}

/** As kubeadm has them; its Role kubeadm:nodes-kubeadm-config lets nodes read that. */
async function readServiceSubnets(kube: KubeClient): Promise<string[]> {
  const { parseYaml } = await import('../../src/config/yaml.ts');
  const ref = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'kube-system', name: 'kubeadm-config' };
  const found = await kube.get<KubeObject & { data?: Record<string, string> }>(ref);
  const [cluster] = parseYaml({ text: found?.data?.ClusterConfiguration ?? '{}', path: 'kubeadm-config' });
  return (textAt(cluster, 'networking.serviceSubnet') ?? '').split(',').filter(Boolean);
}

/** It answers when the node reads itself through it: certificate, link and credentials are right then. */
async function waitUntilItAnswers(ctx: JoinContext, run: PhaseRun): Promise<void> {
  run.progress('wait for its certificate, and until it answers');
  const [{ connect }, { withServer }, { default: pRetry }] = await Promise.all([
    import('../../src/kube/client.ts'),
    import('../../src/kube/kubeconfig-server.ts'),
    import('p-retry'),
  ]);
  const text = (await ctx.host.readText(paths.kubeletConf)) ?? '';
  const kube = await connect({
    kubeconfig: withServer(text, localApiServer, paths.kubeletConf),
    timeoutMs: 2000,
  });
  const retry = { retries: Number.POSITIVE_INFINITY, minTimeout: 250, factor: 1, signal: run.signal };
  try {
    await pRetry(() => kube.request('GET', `/api/v1/nodes/${ctx.nodeName}`), {
      ...retry,
      maxRetryTime: answerMs,
    });
  } catch (cause) {
    run.signal.throwIfAborted();
    throw new EdgeadmError(
      'E_EDGE_NODE',
      `the node-local API proxy did not answer within ${answerMs / 1000} s: ${(cause as Error).message}`,
      {
        hint: `See \`journalctl -u ${liteApiserverUnit}\`; its certificate needs the Deployment kube-system/edgeadm-controller. Then run the same command again.`,
        details: await lastLines(ctx, liteApiserverUnit),
        cause,
      },
    );
  }
}
