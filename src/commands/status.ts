import { requireRoot } from './privilege.ts';
import type { CommandSpec } from './spec.ts';

export const statusCommand: CommandSpec = {
  name: 'status',
  short: 'Say how an edge node stands: online or not, what is remembered, certificates',
  long: 'Asks the node-local API proxy of this edge node: whether the API server can be reached and since when, how large and how fresh the cache is, and when certificates expire. Works the same offline.',
  examples: ['edgeadm status', 'edgeadm status -o json'].join('\n'),
  async run(call) {
    requireRoot(call);
    const { nodeStatus } = await import('./node-status.ts');
    const status = await nodeStatus();
    const { statusText } = await import('./status-text.ts');
    return { data: { ...status }, text: statusText(status, new Date()) };
  },
};
