import { edgeNodeLabels } from '../../src/config/edge-node.ts';
import { paths } from '../../src/host/paths.ts';
import type { Phase } from '../../src/workflow/phase.ts';
import { cloudLabel } from '../init/label-node.ts';
import type { JoinContext } from './context.ts';

/**
 * Labels the node with its own kubelet's credentials. NodeRestriction allows it: it guards only labels below
 * kubernetes.io and k8s.io (kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction).
 */
export const labelNodePhase: Phase<JoinContext> = {
  name: 'label-node',
  short: 'Label the node as an edge node or a cloud node',
  async requires(ctx) {
    if (ctx.host.dryRun || (await ctx.host.stat(paths.kubeletConf))) return undefined;
    return {
      reason: `${paths.kubeletConf} is not there: this host has not joined`,
      hint: 'Run `edgeadm join` first.',
    };
  },
  async run(ctx, run) {
    const labels: Record<string, string> =
      ctx.role === 'edge' ? edgeNodeLabels(ctx.nodeName) : { ...cloudLabel };
    ctx.result.node = ctx.nodeName;
    ctx.result.role = ctx.role;
    if (ctx.host.dryRun) return true;
    const kube = await ctx.kube();
    const ref = { apiVersion: 'v1', kind: 'Node', name: ctx.nodeName };
    const { default: pRetry } = await import('p-retry');
    // The kubelet registers its node a moment after kubeadm has seen its certificate.
    const node = await pRetry(
      async () => {
        const found = await kube.get(ref);
        if (!found) throw new Error(`node ${ctx.nodeName} is not registered yet`);
        return found;
      },
      { maxRetryTime: 60_000, retries: 120, minTimeout: 250, factor: 1, signal: run.signal },
    );
    const missing = Object.entries(labels).some(([key, value]) => node.metadata.labels?.[key] !== value);
    if (missing) await kube.mergePatch(ref, { metadata: { labels } });
    ctx.emit({
      type: 'message',
      text: `${ctx.nodeName} has joined the cluster as ${ctx.role === 'control-plane' ? 'a control-plane' : ctx.role === 'edge' ? 'an edge' : 'a worker'} node.\nSee it on a control-plane node: kubectl get nodes`,
    });
    return missing;
  },
};
