import type { KubeDocument } from '../../src/config/types.ts';
import { paths } from '../../src/host/paths.ts';
import type { Phase } from '../../src/workflow/phase.ts';
import { kubeadmJoinPhases } from '../kubeadm/join-phases.ts';
import { removeTornFiles, resumeIgnores } from '../kubeadm/resume.ts';
import { kubeadmSkips, requiresKubeadm, runKubeadm } from '../kubeadm/run.ts';
import { claimKubernetes, kubeadmIgnores } from '../node/claims.ts';
import type { JoinContext } from './context.ts';

const work = 'kubeadm-join';

export function joinDocuments(ctx: JoinContext): KubeDocument[] {
  return ctx.settings.documents;
}

/** Values that kubeadm may print. */
export function joinSecrets({ settings }: JoinContext): string[] {
  const secrets = [settings.token, settings.tlsBootstrapToken, settings.certificateKey];
  return secrets.filter((secret) => secret !== undefined);
}

/** One `kubeadm join`: TLS bootstrap of the kubelet and, on a control-plane node, etcd and the control plane. */
export const kubeadmPhase: Phase<JoinContext> = {
  name: 'kubeadm',
  short: 'Run kubeadm join: discovery, kubelet, TLS bootstrap',
  long: "One run of the packaged, unmodified kubeadm. Each of kubeadm's own phases can be run alone: edgeadm join phase kubelet-start, …",
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
    const skip = kubeadmSkips(ctx.skipPhases, kubeadmJoinPhases);
    if (resumed) {
      const torn = await removeTornFiles(ctx);
      if (torn.length > 0)
        ctx.emit({ type: 'warning', message: `made again, as they were cut in half: ${torn.join(', ')}` });
      // The kubelet has its certificate: kubeadm would refuse the name as one that is taken, by this very node.
      if (await hasNodeCertificate(ctx)) skip.push('kubelet-start');
    }
    const ignore = [...kubeadmIgnores(ctx), ...(resumed ? resumeIgnores : [])];
    await runKubeadm(ctx, run, {
      command: ['join'],
      args: [
        ...(skip.length > 0 ? [`--skip-phases=${skip.join(',')}`] : []),
        ...(ignore.length > 0 ? [`--ignore-preflight-errors=${ignore.join(',')}`] : []),
      ],
      documents: joinDocuments(ctx),
      key: work,
      secrets: joinSecrets(ctx),
      summary: `kubeadm join of ${ctx.nodeName} to ${ctx.settings.endpoint ?? ctx.settings.discoveryFile}`,
    });
    return true;
  },
};

/** Whether the kubelet holds a valid client certificate of this node already. */
async function hasNodeCertificate(ctx: JoinContext): Promise<boolean> {
  if (!(await ctx.host.stat(paths.kubeletConf))) return false;
  const pem = await ctx.host.readText(paths.kubeletClient);
  if (!pem) return false;
  const { X509Certificate } = await import('node:crypto');
  try {
    const certificate = new X509Certificate(pem);
    return (
      certificate.subject.includes(`CN=system:node:${ctx.nodeName}`) && certificate.validToDate > new Date()
    );
  } catch {
    return false;
  }
}
