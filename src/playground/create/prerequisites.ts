import type { Phase } from '../../workflow/phase.ts';
import { imageName, nodeRecipe } from '../image-recipe.ts';
import { ensurePrerequisites } from '../prerequisites.ts';
import type { CreateContext } from './context.ts';

export const prerequisitesPhase: Phase<CreateContext> = {
  name: 'prerequisites',
  short: 'Check this machine and install what is missing',
  async run(ctx, run) {
    const { options, machine, provider } = ctx;
    const hasPodman = (await machine.find('podman')) !== undefined;
    const needs = {
      controlPlanes: options.controlPlanes,
      others: options.workers + options.edges,
      bare: options.bare,
      buildPackage: options.packagePath === undefined,
      buildImage: !(hasPodman && machine.uid === 0 && (await provider.hasImage(imageName(nodeRecipe)))),
      cacheDirectory: ctx.cacheDirectory,
    };
    return ensurePrerequisites(machine, needs, run);
  },
};
