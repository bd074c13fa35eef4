import { paths } from '../../src/host/paths.ts';
import type { Phase } from '../../src/workflow/phase.ts';
import { kubeVipConf, kubeVipLease } from '../node/kube-vip.ts';
import type { InitContext } from './context.ts';
import { withoutKubeVip } from './kube-vip.ts';
import { requiresCluster } from './requires-cluster.ts';

/**
 * Turns kube-vip from super-admin.conf to admin.conf, so that its next start needs nothing that an administrator should
 * lock away. The kube-vip that runs is left alone: it would let go of the virtual IP.
 */
export const kubeVipFinalizePhase: Phase<InitContext> = {
  name: 'kube-vip-finalize',
  short: "Give kube-vip the admin's kubeconfig instead of the super-admin's",
  skip: withoutKubeVip,
  requires: requiresCluster,
  async run(ctx) {
    const { host } = ctx;
    const link = await host.stat(kubeVipConf);
    if (!link || link.target === paths.adminConf) return false;
    // Refused when kubeadm has not bound the admin's rights yet.
    if (!host.dryRun) await (await ctx.kube()).get(kubeVipLease);
    return host.symlink(paths.adminConf, kubeVipConf);
  },
};
