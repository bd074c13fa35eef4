import { hasTunnel, tunnel } from '../../src/config/tunnel.ts';
import type { Phase } from '../../src/workflow/phase.ts';
import type { NodeContext } from '../context.ts';

/**
 * Writes what the API server reads at its start when it has the tunnel. On a further control-plane node, whether it will
 * have it is the cluster's matter, which is known after kubeadm join only; the file alone does nothing.
 */
export const tunnelEgressPhase: Phase<NodeContext> = {
  name: 'tunnel-egress',
  short: 'Write how the API server reaches nodes: by the tunnel',
  skip: (ctx) => {
    if (ctx.role !== 'control-plane') return 'not a control-plane node';
    return ctx.command === 'join' ? undefined : withoutTunnel(ctx);
  },
  async run(ctx) {
    const { host } = ctx;
    const { loadManifests } = await import('../../src/kube/manifests.ts');
    const { renderDocuments } = await import('../../src/config/documents.ts');
    const documents = await loadManifests('addons/tunnel/egress-selector', {
      ...(ctx.manifestsDir && { manifestsDir: ctx.manifestsDir }),
    });
    // Made by the kubelet, since a boot empties /run; reset removes it.
    const claimed = await host.claimTree(tunnel.socketFolder);
    const written = await host.writeFile(tunnel.egressFile, renderDocuments(documents), { mode: 0o600 });
    return claimed || written;
  },
};

/** Why a cluster of this configuration has no tunnel. */
export function withoutTunnel({ edge }: Pick<NodeContext, 'edge'>): string | undefined {
  if (hasTunnel(edge)) return undefined;
  return edge.enabled ? 'left out by EdgeConfiguration.addons' : '--enable-edge=false';
}
