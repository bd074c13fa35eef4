import { paths } from '../../src/host/paths.ts';
import type { Unmet } from '../../src/workflow/phase.ts';
import type { InitContext } from './context.ts';

/** For phases that speak to the cluster: this host has the admin's kubeconfig. */
export async function requiresCluster(ctx: InitContext): Promise<Unmet | undefined> {
  if (ctx.host.dryRun || (await ctx.host.stat(paths.adminConf))) return undefined;
  return {
    reason: `${paths.adminConf} is not there: this host has no control plane`,
    hint: 'Run it on a control-plane node, after `edgeadm init` or `edgeadm init phase kubeconfig admin`.',
  };
}
