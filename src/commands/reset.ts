import { createResetContext } from '../../phases/reset/context.ts';
import { resetPhases } from '../../phases/reset/index.ts';
import { resetFlags } from '../config/flags/reset.ts';
import { runPhases } from '../workflow/run.ts';
import { select } from '../workflow/select.ts';
import { phaseCommand, phaseSections } from './phases.ts';
import { requireRoot } from './privilege.ts';
import type { Call, CommandSpec, Outcome } from './spec.ts';
import { commandLine, loadConfig } from './workflow.ts';

export function resetCommand(): CommandSpec {
  return {
    name: 'reset',
    short: 'Take back what init or join did to this host',
    long: 'Takes back what `edgeadm init` or `edgeadm join` did to this host: what was added is removed, what was changed is as it was before. Files of other software stay. It asks first, unless --force is given.',
    examples: ['edgeadm reset', '# Without a question, in a script', 'edgeadm reset --force'].join('\n'),
    sections: phaseSections('reset', resetPhases),
    flags: resetFlags,
    commands: [phaseCommand('reset', resetPhases, resetFlags, runReset)],
    run: (call) => runReset(call, undefined),
  };
}

async function runReset(call: Call, only: string | undefined): Promise<Outcome> {
  requireRoot(call);
  const { emit, signal, confirm } = call;
  const [{ machineFacts }, { resolveReset }, { openHost }] = await Promise.all([
    import('../host/machine.ts'),
    import('../config/reset.ts'),
    import('../host/open.ts'),
  ]);
  const settings = resolveReset({
    flags: call.flags,
    ...(await loadConfig(call)),
    machine: await machineFacts(),
  });
  const selected = select(resetPhases, { only: only === undefined ? [] : [only], skip: settings.skipPhases });
  const host = await openHost({ emit, dryRun: settings.dryRun, command: commandLine(call, resetFlags) });
  try {
    const ctx = createResetContext(settings, { host, emit, signal, confirm });
    const { ran, skipped } = await runPhases(selected, ctx, { command: call.command, emit, signal });
    return { data: { dryRun: settings.dryRun, phases: ran, skipped, ...ctx.result } };
  } finally {
    await host.close();
  }
}
