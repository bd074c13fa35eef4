import type { Phase } from '../../src/workflow/phase.ts';
import { addons } from '../addons/index.ts';
import type { InitContext } from './context.ts';
import { requiresCluster } from './requires-cluster.ts';

/** Installs the enabled addons of phases/addons, each a phase of its own. */
export const edgeAddonsPhase: Phase<InitContext> = {
  name: 'edge-addons',
  aliases: ['edge-apps'],
  short: 'Install the addons',
  phases: addons.map((addon) => ({
    ...addon,
    requires: requiresCluster,
    skip: (ctx: InitContext) => {
      if (addon.edgeOnly && !ctx.edge.enabled) return '--enable-edge=false';
      return ctx.edge.addons[addon.name]?.enabled === false
        ? 'left out by EdgeConfiguration.addons'
        : addon.skip?.(ctx);
    },
  })),
};
