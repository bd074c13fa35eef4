import type { Phase } from '../../src/workflow/phase.ts';
import type { InitContext } from '../init/context.ts';
import { edgeDns } from './edge-dns.ts';
import { edgeHealth } from './edge-health.ts';
import { edgeKubeProxy } from './edge-kube-proxy.ts';
import { kubeletServingApprover } from './kubelet-serving-approver.ts';
import { tunnelAddon } from './tunnel.ts';

/** An addon is a phase below `edge-addons` that EdgeConfiguration.addons can leave out by name. */
export interface Addon extends Phase<InitContext> {
  /** Not installed in a plain cluster (--enable-edge=false). */
  edgeOnly?: boolean;
}

/** In the order of installation: the controller first, as nodes that join wait for their certificates from it. */
export const addons: readonly Addon[] = [
  kubeletServingApprover,
  edgeHealth,
  edgeDns,
  edgeKubeProxy,
  tunnelAddon,
];
