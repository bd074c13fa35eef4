import { join } from 'node:path';
import { toEdgeadmError } from '../../src/errors.ts';
import { paths } from '../../src/host/paths.ts';
import type { Phase } from '../../src/workflow/phase.ts';
import { kubeadmPath, runKubeadm } from '../kubeadm/run.ts';
import type { ResetContext } from './context.ts';

/** Takes this node's etcd member out of the cluster, so that the others keep their quorum. */
export const removeEtcdMemberPhase: Phase<ResetContext> = {
  name: 'remove-etcd-member',
  short: 'Remove the local etcd member from the cluster',
  async run(ctx, run) {
    const { host } = ctx;
    if (!(await host.stat(join(paths.manifests, 'etcd.yaml'))) || !(await host.stat(kubeadmPath)))
      return false;
    try {
      await runKubeadm(ctx, run, {
        command: ['reset', 'phase', 'remove-etcd-member'],
        args: [`--kubeconfig=${ctx.settings.kubeconfig}`],
        key: 'kubeadm-reset:remove-etcd-member',
        once: false,
        summary: 'remove the local etcd member',
        timeoutMs: 120_000,
      });
    } catch (thrown) {
      // As kubeadm does: a cluster that does not answer must not keep a node from being reset.
      ctx.emit({
        type: 'warning',
        message: `the etcd member was not removed: ${toEdgeadmError(thrown).message}`,
        hint: 'If other members live on, remove it there with `etcdctl member remove`.',
      });
    }
    return true;
  },
};
