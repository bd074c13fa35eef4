import { resetPhases } from '../../phases/reset/index.ts';
import { resetFlags } from '../config/flags/reset.ts';
import { phaseCommand, phaseSections } from './phases.ts';
import { requireRoot } from './privilege.ts';
import type { Call, CommandSpec, Outcome } from './spec.ts';
import { loadConfig, runWorkflow } from './workflow.ts';

export function resetCommand(): CommandSpec {
  return {
    name: 'reset',
    short: 'Take back what init or join did to this host',
    long: 'Takes back what `edgeadm init` or `edgeadm join` did to this host: what was added is removed, what was changed is as it was before. Files of other software stay. It asks first, unless --force is given.',
    examples: ['edgeadm reset', '# Without a question, in a script', 'edgeadm reset --force'].join('\n'),
    sections: phaseSections('reset', resetPhases),
    flags: resetFlags,
    rootfs: 'entered',
    commands: [phaseCommand('reset', resetPhases, resetFlags, runReset)],
    run: (call) => runReset(call, undefined),
  };
}

async function runReset(call: Call, only: string | undefined): Promise<Outcome> {
  requireRoot(call);
  const { emit, signal, confirm } = call;
  const [{ machineFacts }, { resolveReset }, { createResetContext }] = await Promise.all([
    import('./machine.ts'),
    import('../config/reset.ts'),
    import('../../phases/reset/context.ts'),
  ]);
  const config = await loadConfig(call);
  const settings = resolveReset({ flags: call.flags, ...config, machine: await machineFacts() });
  return runWorkflow(call, {
    phases: resetPhases,
    only,
    settings,
    flags: resetFlags,
    context: async (host) => createResetContext(settings, { host, emit, signal, confirm }),
  });
}
