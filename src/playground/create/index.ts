import type { Phase } from '../../workflow/phase.ts';
import type { CreateContext } from './context.ts';
import { imagePhase } from './image.ts';
import { initPhase } from './init.ts';
import { joinPhase } from './join.ts';
import { nodesPhase } from './nodes.ts';
import { packagePhase } from './package.ts';
import { prerequisitesPhase } from './prerequisites.ts';
import { readyPhase } from './ready.ts';
import { seedPhase } from './seed.ts';

/** The recipe of `edgeadm playground create`, in order. */
export const createPhases: readonly Phase<CreateContext>[] = [
  prerequisitesPhase,
  packagePhase,
  imagePhase,
  nodesPhase,
  seedPhase,
  initPhase,
  joinPhase,
  readyPhase,
];
