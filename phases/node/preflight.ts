import type { Phase } from '../../src/workflow/phase.ts';
import type { NodeContext } from '../context.ts';

/** All checks at once, before anything on the host changes. */
export const preflightPhase: Phase<NodeContext> = {
  name: 'preflight',
  short: 'Check the host, the package and the configuration',
  long: 'Runs every check and reports all that failed, each with its fix. A named check is turned into a warning with --ignore-preflight-errors.',
  example: 'edgeadm init phase preflight --ignore-preflight-errors=NumCPU,Mem',
  async run(ctx) {
    await ctx.preflight();
    return false;
  },
};
