import type { ControllerSettings } from '../../src/edge/controller/objects.ts';
import type { PhaseRun } from '../../src/workflow/phase.ts';
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
  if (ctx.host.dryRun) {
    for (const { kind, metadata } of objects) {
      ctx.emit({
        type: 'change',
        host: 'cluster',
        action: 'apply',
        target: `${kind}/${(metadata as { name: string }).name}`,
        summary: 'server-side apply as edgeadm',
        planned: true,
      });
    }
    return true;
  }
  const kube = await ctx.kube();
  run.progress('apply edgeadm-controller');
  const changed = await kube.apply(objects, { signal: run.signal });
  run.progress('wait for edgeadm-controller');
  const deployments = objects
    .filter(({ kind }) => kind === 'Deployment')
    .map(({ apiVersion, kind, metadata }) => {
      const { name, namespace } = metadata as { name: string; namespace: string };
      return { apiVersion, kind, name, namespace };
    });
  await kube.waitRollout(deployments, { timeoutMs: 120_000, signal: run.signal, emit: ctx.emit });
  return changed;
}

function isOn(ctx: InitContext, addon: string): boolean {
  return ctx.edge.addons[addon]?.enabled !== false;
}

/** What the node-local API proxies of edge nodes answer for; see docs/lite-apiserver.md. */
async function edgeNodes({ edge, settings }: InitContext): Promise<Pick<ControllerSettings, 'edgeNodes'>> {
  if (!edge.enabled || edge.addons['lite-apiserver']?.enabled === false) return {};
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
