import type { KubeDocument } from '../../src/config/types.ts';
import { EdgeadmError } from '../../src/errors.ts';
import { paths } from '../../src/host/paths.ts';
import type { Phase } from '../../src/workflow/phase.ts';
import { kubeadmInitPhases } from '../kubeadm/init-phases.ts';
import { removeTornFiles, resumeIgnores } from '../kubeadm/resume.ts';
import { kubeadmSkips, requiresKubeadm, runKubeadm } from '../kubeadm/run.ts';
import { claimKubernetes, kubeadmIgnores } from '../node/claims.ts';
import type { InitContext } from './context.ts';

const work = 'kubeadm-init';

/** The user's documents with this run's token and certificate key, which kubeadm would otherwise make up itself. */
export function initDocuments(ctx: InitContext): KubeDocument[] {
  return ctx.settings.documents.map((document) => {
    if (document.kind !== 'InitConfiguration') return document;
    const tokens = document.bootstrapTokens as { token?: string }[] | undefined;
    return {
      ...document,
      ...(tokens?.length ? {} : { bootstrapTokens: [{ token: ctx.token }] }),
      ...(ctx.certificateKey && !document.certificateKey ? { certificateKey: ctx.certificateKey } : {}),
    };
  });
}

/** Values that kubeadm may print. */
export function initSecrets(ctx: InitContext): string[] {
  return [ctx.token, ...(ctx.certificateKey ? [ctx.certificateKey] : [])];
}

/** One `kubeadm init` for the whole run: kubeadm's own phases in kubeadm's own order. */
export const kubeadmPhase: Phase<InitContext> = {
  name: 'kubeadm',
  short: 'Run kubeadm init: certificates, kubeconfigs, etcd, control plane, kubelet, addons',
  long: "One run of the packaged, unmodified kubeadm. Each of kubeadm's own phases can be run alone: edgeadm init phase certs, edgeadm init phase control-plane apiserver, …",
  requires: requiresKubeadm,
  async run(ctx, run) {
    const { host } = ctx;
    const before = host.state(work);
    if (before === 'done') {
      run.progress('done by an earlier run');
      return false;
    }
    await claimKubernetes(ctx);
    const resumed = before === 'started';
    if (resumed) {
      const torn = await removeTornFiles(ctx);
      if (torn.length > 0)
        ctx.emit({ type: 'warning', message: `made again, as they were cut in half: ${torn.join(', ')}` });
    }
    const skip = kubeadmSkips(ctx.skipPhases, kubeadmInitPhases);
    const ignore = [...kubeadmIgnores(ctx), ...(resumed ? resumeIgnores : [])];
    await runKubeadm(ctx, run, {
      command: ['init'],
      args: [
        `--skip-phases=${[...new Set(['show-join-command', ...skip])].join(',')}`,
        ...(ignore.length > 0 ? [`--ignore-preflight-errors=${ignore.join(',')}`] : []),
        ...(ctx.settings.uploadCerts ? ['--upload-certs', '--skip-certificate-key-print'] : []),
      ],
      documents: initDocuments(ctx),
      key: work,
      secrets: initSecrets(ctx),
      summary: `kubeadm init of Kubernetes ${ctx.settings.kubernetesVersion ?? ''} on ${ctx.nodeName}`,
    });
    if (!host.dryRun && !(await host.stat(paths.adminConf)) && !ctx.skipPhases.includes('kubeconfig')) {
      throw new EdgeadmError('E_KUBEADM', `kubeadm init ended well but wrote no ${paths.adminConf}`, {
        hint: 'Run with -v=2 to see its output.',
      });
    }
    return true;
  },
};
