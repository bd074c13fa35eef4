import { hasLocalApi } from '../../src/config/edge-node.ts';
import type { ControllerSettings } from '../../src/edge/controller/objects.ts';
import type { PhaseRun } from '../../src/workflow/phase.ts';
import { applyObjects } from '../init/apply-objects.ts';
import type { InitContext } from '../init/context.ts';

/**
 * Installs the one controller with all duties that are on. Addons that are duties of it share this: whichever runs,
 * alone or after another, the outcome is the same.
 */
export async function installController(ctx: InitContext, run: PhaseRun): Promise<boolean> {
  const { controllerObjects } = await import('../../src/edge/controller/objects.ts');
  const endpoint = ctx.controlPlaneEndpoint;
  const objects = await controllerObjects({
    edgeRepository: ctx.edge.images.edgeRepository,
    dnsDomain: ctx.settings.dnsDomain,
    ...(endpoint && { controlPlaneEndpoint: endpoint }),
    ...(await edgeNodes(ctx)),
    ...(ctx.manifestsDir && { manifestsDir: ctx.manifestsDir }),
    kubeletServing: isOn(ctx, 'kubelet-serving-approver'),
    ...(ctx.edge.enabled &&
      isOn(ctx, 'edge-health') && { edgeHealth: ctx.edge.addons['edge-health']?.settings ?? {} }),
  });
  return applyObjects(ctx, run, 'edgeadm-controller', objects, { timeoutMs: 120_000 });
}

function isOn(ctx: InitContext, addon: string): boolean {
  return ctx.edge.addons[addon]?.enabled !== false;
}

/** What the node-local API proxies of edge nodes answer for; see docs/lite-apiserver.md. */
async function edgeNodes({ edge, settings }: InitContext): Promise<Pick<ControllerSettings, 'edgeNodes'>> {
  if (!hasLocalApi(edge)) return {};
  const [{ kubernetesServiceAddress }, { localApiAddresses, localApiNames }] = await Promise.all([
    import('../../src/config/cidr.ts'),
    import('../../src/config/edge-node.ts'),
  ]);
  const clusterIp = kubernetesServiceAddress(settings.serviceSubnet);
  if (clusterIp === undefined) return {};
  return {
    edgeNodes: {
      ips: localApiAddresses(edge.virtualAddress, clusterIp),
      names: localApiNames(settings.dnsDomain),
    },
  };
}
