import type { KubeadmPhaseAddition } from '../kubeadm/run.ts';
import type { InitContext } from './context.ts';

/** kubeadm's phase with the flag that it wants, and the key that it prints: nobody could join without it. */
export const uploadCerts: KubeadmPhaseAddition<InitContext> = {
  args: ['--upload-certs', '--skip-certificate-key-print'],
  skip: (ctx) => (ctx.settings.uploadCerts ? undefined : 'no --upload-certs'),
  after({ certificateKey, settings, result, emit }) {
    result.certificateKey = certificateKey;
    if (settings.skipCertificateKeyPrint) return;
    const lines = [
      'The certificates of the control plane are in the cluster for two hours, encrypted with the certificate key',
      '',
      `  ${certificateKey}`,
      '',
      'Control-plane nodes join with what `edgeadm token create --print-join-command` prints, and',
      '',
      `  --control-plane --certificate-key ${certificateKey}`,
    ];
    emit({ type: 'message', text: lines.join('\n') });
  },
};
