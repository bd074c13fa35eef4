import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { localApiServer } from '../../src/config/edge-node.ts';
import type { KubeDocument } from '../../src/config/types.ts';
import { EdgeadmError } from '../../src/errors.ts';
import { paths } from '../../src/host/paths.ts';
import type { Phase, PhaseRun } from '../../src/workflow/phase.ts';
import { waitForLease } from '../node/heartbeat.ts';
import { kubeletDropInDocument } from '../node/kubelet-settings.ts';
import { edgeKubeletDropIn } from '../node/kubelet-unit.ts';
import { liteApiserverUnit } from '../node/lite-apiserver.ts';
import { clusterEdge } from './cluster-edge.ts';
import type { JoinContext } from './context.ts';
import { lastLines, notAnEdgeNode, requiresKubeletCertificate } from './edge-node.ts';

const heartbeatMs = 90_000;
/** The kubelet renews its Lease every 10 s (nodeLeaseDurationSeconds / 4). */
const freshMs = 40_000;

/**
 * Makes the kubelet one of an edge node: its settings in a drop-in of its own, no bootstrap kubeconfig (with it a kubelet
 * whose certificate expired offline ends at once), and the node-local API proxy as its API server when this host has one.
 * Restarts it once and waits for its heartbeat.
 */
export const edgeKubeletPhase: Phase<JoinContext> = {
  name: 'edge-kubelet',
  short: "Give the kubelet an edge node's settings, and the node-local API proxy",
  example: 'edgeadm join phase edge-kubelet',
  skip: (ctx) => (ctx.role === 'edge' ? undefined : notAnEdgeNode),
  requires: requiresKubeletCertificate,
  async run(ctx, run) {
    const { host } = ctx;
    const hasProxy = (await host.stat(join(paths.units, liteApiserverUnit))) !== undefined;
    const settings = await kubeletSettings(ctx, run);
    const unitDropIn = edgeKubeletDropIn({
      configDir: paths.kubeletConfigDir,
      proxyUnit: hasProxy && liteApiserverUnit,
    });
    const done = [
      await host.writeFile(join(paths.kubeletConfigDir, '10-edgeadm.conf'), settings),
      await host.writeFile(join(paths.units, 'kubelet.service.d/20-edgeadm-edge.conf'), unitDropIn),
    ];
    if (hasProxy) done.push(await useProxy(ctx));
    run.progress('restart the kubelet');
    const version = createHash('sha256')
      .update(settings)
      .update(unitDropIn)
      .update(String(hasProxy))
      .digest('hex');
    const restarted = await host.enableUnit('kubelet.service', { version });
    done.push(restarted);
    // From now on: the kubelet that was there before the restart does not count.
    if (!host.dryRun) await waitForHeartbeat(ctx, run, Date.now() - (restarted ? 0 : freshMs));
    return done.some(Boolean);
  },
};

async function kubeletSettings(ctx: JoinContext, run: PhaseRun): Promise<string> {
  const [{ hasAddon }, { renderDocuments }, { parseYaml }] = await Promise.all([
    import('../../src/config/cluster-edge.ts'),
    import('../../src/config/documents.ts'),
    import('../../src/config/yaml.ts'),
  ]);
  const cluster = await clusterEdge(ctx, run.signal);
  const path = join(paths.kubelet, 'config.yaml');
  const text = await ctx.host.readText(path);
  const [written] = text ? parseYaml({ text, path }) : [];
  const document = kubeletDropInDocument(written as KubeDocument | undefined, {
    cluster,
    hasAddon: (name) => hasAddon(cluster, ctx.edge, name),
  });
  return renderDocuments([document]);
}

async function useProxy({ host }: JoinContext): Promise<boolean> {
  const text = await host.readText(paths.kubeletConf);
  // In a dry run kubeadm has not written it yet.
  if (text === undefined) return true;
  const { withServer } = await import('../../src/kube/kubeconfig-server.ts');
  return host.writeFile(paths.kubeletConf, withServer(text, localApiServer, paths.kubeletConf), {
    mode: 0o600,
    secret: true,
  });
}

/** A renewed Lease shows that the kubelet reaches the API server, by whatever way it is told; a pod network may come later. */
async function waitForHeartbeat(ctx: JoinContext, run: PhaseRun, since: number): Promise<void> {
  run.progress("wait for the kubelet's heartbeat");
  const { connect } = await import('../../src/kube/client.ts');
  const kubeconfig = (await ctx.host.readText(paths.kubeletConf)) ?? '';
  const kube = await connect({ kubeconfig, timeoutMs: 5000 });
  try {
    await waitForLease(kube, ctx.nodeName, { since, timeoutMs: heartbeatMs, signal: run.signal });
  } catch (cause) {
    run.signal.throwIfAborted();
    throw new EdgeadmError(
      'E_EDGE_NODE',
      `the kubelet did not come back within ${heartbeatMs / 1000} s: ${(cause as Error).message}`,
      {
        hint: 'See `journalctl -u kubelet`, then run the same command again.',
        details: await lastLines(ctx, 'kubelet.service'),
        cause,
      },
    );
  }
}
