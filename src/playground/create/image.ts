import type { Phase } from '../../workflow/phase.ts';
import { ensureNodeImage } from '../image.ts';
import { nodeRecipe } from '../image-recipe.ts';
import type { CreateContext } from './context.ts';

export const imagePhase: Phase<CreateContext> = {
  name: 'image',
  short: 'Make the image that nodes boot',
  async run(ctx, run) {
    const { image, made } = await ensureNodeImage(ctx.provider, ctx.machine, nodeRecipe, run);
    ctx.image = image;
    return made;
  },
};
