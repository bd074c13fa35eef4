import { hasLocalApi, localApiAddresses, localApiNames } from '../../src/config/edge-node.ts';
import type { ControllerSettings } from '../../src/edge/controller/objects.ts';
import type { PhaseRun } from '../../src/workflow/phase.ts';
import { applyObjects } from '../init/apply-objects.ts';
import type { InitContext } from '../init/context.ts';
import { apiServerEndpoint } from '../node/api-server.ts';

/** Runs in which it was installed by another of its addons. */
const installed = new WeakSet<InitContext>();

/**
 * Installs the one controller with all duties that are on. Addons that are duties of it share this: whichever runs,
 * alone or after another, the outcome is the same.
 */
export async function installController(ctx: InitContext, run: PhaseRun): Promise<boolean> {
  if (installed.has(ctx)) return false;
  installed.add(ctx);
  const { controllerObjects } = await import('../../src/edge/controller/objects.ts');
  const { kubernetesServiceAddress } = await import('../../src/config/cidr.ts');
  const endpoint = ctx.controlPlaneEndpoint;
  const apiServer = await apiServerEndpoint(ctx);
  const serviceAddress = kubernetesServiceAddress(ctx.settings.serviceSubnet);
  const objects = await controllerObjects({
    edgeRepository: ctx.edge.images.edgeRepository,
    dnsDomain: ctx.settings.dnsDomain,
    ...(endpoint && { controlPlaneEndpoint: endpoint }),
    ...(apiServer && { apiServer }),
    ...(serviceAddress && { serviceAddress }),
    ...edgeNodes(ctx, serviceAddress),
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
function edgeNodes(
  { edge, settings }: InitContext,
  serviceAddress: string | undefined,
): Pick<ControllerSettings, 'edgeNodes'> {
  if (serviceAddress === undefined || !hasLocalApi(edge)) return {};
  return {
    edgeNodes: {
      ips: localApiAddresses(edge.virtualAddress, serviceAddress),
      names: localApiNames(settings.dnsDomain),
    },
  };
}
