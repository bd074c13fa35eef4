import type { Phase } from '../../src/workflow/phase.ts';
import { kubeadmInitPhases } from '../kubeadm/init-phases.ts';
import { kubeadmPhases } from '../kubeadm/run.ts';
import { containerRuntimePhase } from '../node/container-runtime.ts';
import { nodeInitPhase } from '../node/node-init.ts';
import { packagePhase } from '../node/package.ts';
import { preflightPhase } from '../node/preflight.ts';
import { tunnelEgressPhase } from '../node/tunnel-egress.ts';
import { tunnelServerPhase } from '../node/tunnel-server.ts';
import { cniPhase } from './cni.ts';
import type { InitContext } from './context.ts';
import { edgeAddonsPhase } from './edge-addons.ts';
import { kubeVipPhase } from './kube-vip.ts';
import { kubeVipFinalizePhase } from './kube-vip-finalize.ts';
import { initDocuments, initSecrets, kubeadmPhase } from './kubeadm.ts';
import { labelNodePhase } from './label-node.ts';
import { showJoinCommandPhase } from './show-join-command.ts';
import { uploadCerts } from './upload-certs.ts';
import { uploadEdgeConfigPhase } from './upload-edge-config.ts';
import { waitAddonsPhase } from './wait-addons.ts';

/** The recipe of `edgeadm init`, in order. */
export const initPhases: readonly Phase<InitContext>[] = [
  preflightPhase,
  packagePhase,
  nodeInitPhase,
  containerRuntimePhase,
  kubeVipPhase,
  tunnelEgressPhase,
  kubeadmPhase,
  ...kubeadmPhases('init', kubeadmInitPhases, {
    documents: initDocuments,
    secrets: initSecrets,
    additions: { 'upload-certs': uploadCerts },
  }),
  kubeVipFinalizePhase,
  tunnelServerPhase,
  uploadEdgeConfigPhase,
  cniPhase,
  edgeAddonsPhase,
  waitAddonsPhase,
  labelNodePhase,
  showJoinCommandPhase,
];
