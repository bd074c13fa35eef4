import type { Phase } from '../../src/workflow/phase.ts';
import { kubeadmJoinPhases } from '../kubeadm/join-phases.ts';
import { kubeadmPhases } from '../kubeadm/run.ts';
import { containerRuntimePhase } from '../node/container-runtime.ts';
import { nodeInitPhase } from '../node/node-init.ts';
import { packagePhase } from '../node/package.ts';
import { preflightPhase } from '../node/preflight.ts';
import { preparePhase } from '../node/prepare.ts';
import { tunnelEgressPhase } from '../node/tunnel-egress.ts';
import { tunnelServerPhase } from '../node/tunnel-server.ts';
import type { JoinContext } from './context.ts';
import { edgeKubeletPhase } from './edge-kubelet.ts';
import { kubeVipPhase } from './kube-vip.ts';
import { joinDocuments, joinSecrets, kubeadmPhase } from './kubeadm.ts';
import { labelNodePhase } from './label-node.ts';
import { liteApiserverPhase } from './lite-apiserver.ts';
import { offlineVerdictPhase } from './offline-verdict.ts';

/** The recipe of `edgeadm join`, in order, for a worker, an edge node and a control-plane node. */
export const joinPhases: readonly Phase<JoinContext>[] = [
  preflightPhase,
  packagePhase,
  nodeInitPhase,
  containerRuntimePhase,
  preparePhase,
  tunnelEgressPhase,
  kubeadmPhase,
  ...kubeadmPhases('join', kubeadmJoinPhases, { documents: joinDocuments, secrets: joinSecrets }),
  kubeVipPhase,
  tunnelServerPhase,
  liteApiserverPhase,
  edgeKubeletPhase,
  labelNodePhase,
  offlineVerdictPhase,
];
