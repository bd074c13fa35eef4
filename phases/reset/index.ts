import type { Phase } from '../../src/workflow/phase.ts';
import { cleanupNodePhase } from './cleanup-node.ts';
import type { ResetContext } from './context.ts';
import { preflightPhase } from './preflight.ts';
import { removeEtcdMemberPhase } from './remove-etcd-member.ts';
import { restorePhase } from './restore.ts';

/** The recipe of `edgeadm reset`, in order. */
export const resetPhases: readonly Phase<ResetContext>[] = [
  preflightPhase,
  removeEtcdMemberPhase,
  cleanupNodePhase,
  restorePhase,
];
