import { installController } from './controller.ts';
import type { Addon } from './index.ts';

/**
 * Approves kubelets' serving certificates: `serverTLSBootstrap` is on in clusters that edgeadm makes, and nothing in
 * Kubernetes approves what kubelets then ask for. Plain clusters need it as well.
 */
export const kubeletServingApprover: Addon = {
  name: 'kubelet-serving-approver',
  short: "Install the controller that approves kubelets' serving certificates",
  example: 'edgeadm init phase edge-addons kubelet-serving-approver',
  run: installController,
};
