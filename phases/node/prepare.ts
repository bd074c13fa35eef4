import type { Phase } from '../../src/workflow/phase.ts';
import type { NodeContext } from '../context.ts';
import { containerRuntimePhase } from './container-runtime.ts';
import { nodeInitPhase } from './node-init.ts';
import { packagePhase } from './package.ts';

/** All that a host can have done before the cluster that it will join is there; the join then finds it done. */
export const preparePhase: Phase<NodeContext> = {
  name: 'prepare',
  short: 'Prepare the host before there is a cluster: package, node-init, container-runtime',
  example: 'edgeadm join phase prepare --install-pkg-path ./edgeadm-v1.36.3-linux-amd64.tar.zst',
  onlyByName: true,
  phases: [packagePhase, nodeInitPhase, containerRuntimePhase],
};
