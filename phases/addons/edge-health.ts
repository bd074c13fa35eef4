import { installController } from './controller.ts';
import type { Addon } from './index.ts';

/**
 * Keeps pods of edge nodes that lost nothing but their link to the cloud, and lets them be evicted when the node's peers
 * vote that it is lost. The nodes' part runs in the process of lite-apiserver.
 */
export const edgeHealth: Addon = {
  name: 'edge-health',
  short: 'Install what decides whether a silent edge node is cut off or lost',
  example: 'edgeadm init phase edge-addons edge-health',
  edgeOnly: true,
  run: installController,
};
