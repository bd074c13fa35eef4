import type { DrillReport } from '../../phases/drill/state.ts';
import { parseGoDuration } from '../config/goduration.ts';
import { EdgeadmError } from '../errors.ts';
import type { WantedDrill } from './drill-playground.ts';
import { switchFlag, textFlag } from './flags.ts';
import { requireRoot } from './privilege.ts';
import type { Call, CommandSpec, Outcome } from './spec.ts';

const own = { group: 'edgeadm' } as const;
/** Defaults of flags are for their help; a flag that is not given has no value. */
const standardDuration = '5m';
const longestMs = 24 * 3_600_000;
/** For restoring, beyond the time offline: a boot, and a node that is slow. */
const spareMs = 600_000;

const offlineCommand: CommandSpec = {
  name: 'offline',
  short: 'Cut the cloud link of an edge node for a while, and check that it lives without it',
  long: 'Cuts the link between this edge node and its control plane, restarts the node if asked to, and checks with seconds for each: pods run (again) and are ready, endpoints are addresses of live pods, ClusterIP Services of the site answer, DNS answers; then restores the link and checks that the node is Ready and nothing was started again. What the site has among itself is not cut.\n\nThe link always comes back: when the drill ends, is interrupted or dies, and after --restore-after at the latest, by a timer of systemd and, whatever becomes of that, by a time-out in the kernel. A drill goes on through a restart by itself.\n\nWithout NODE it is this host, as root. With NODE it is a node of a playground on this machine.\n\nExit codes: 0 passed, 1 failed or could not be made, 2 refused before anything was changed.',
  examples: [
    '# On an edge node, in production too: five minutes without the cloud',
    'edgeadm drill offline',
    '# Reboot it meanwhile; the report is there afterwards',
    'edgeadm drill offline --reboot',
    'edgeadm drill report',
    '# A node of the playground: cut its power, stay offline for a minute after the boot',
    'edgeadm drill offline edge-1 --power-cut --duration 1m',
  ].join('\n'),
  arguments: [{ name: '[node]', description: 'a node of a playground (default: this host)' }],
  flags: [
    textFlag('duration', 'duration', 'how long it stays offline: from the cut, or from the boot', {
      ...own,
      default: standardDuration,
    }),
    switchFlag('reboot', 'reboot the node while it is offline', own),
    switchFlag('power-cut', 'reset the node at once, as a power failure would: nothing is shut down', own),
    textFlag(
      'restore-after',
      'duration',
      'when the link comes back whatever happens, at most 24h (default: the duration and 10m)',
      own,
    ),
    switchFlag('force', 'go on although `edgeadm check offline` finds errors', own),
    switchFlag('detach', 'return as soon as it has begun', own),
    textFlag('name', 'name', 'which playground NODE is of (default: the only one there is)', own),
    switchFlag('resume', 'be the drill itself, as its unit is', { ...own, hidden: true }),
    switchFlag('restarted-from-outside', 'wait for the restart instead of doing it', {
      ...own,
      hidden: true,
    }),
  ],
  run: (call) => (call.flags.resume === true ? resume(call) : offline(call)),
};

export const drillCommand: CommandSpec = {
  name: 'drill',
  short: 'Try on an edge node what happens without the cloud',
  examples: ['edgeadm drill offline', 'edgeadm drill report'].join('\n'),
  commands: [
    offlineCommand,
    {
      name: 'report',
      short: 'Show the report of the last drill on this node',
      long: 'Exit codes: 0 the drill passed, 1 it failed or there is none.',
      examples: 'edgeadm drill report -o json',
      async run(call) {
        requireRoot(call);
        const [{ localMachine }, { readReport, reportFile }] = await Promise.all([
          import('../../phases/drill/machine.ts'),
          import('../../phases/drill/state.ts'),
        ]);
        const report = await readReport(localMachine(call.emit));
        if (report) return outcome(report);
        throw new EdgeadmError('E_PHASE_STATE', `there is no report: ${reportFile} is not there`, {
          hint: 'Run a drill on this node, `edgeadm drill offline`, or wait for its end.',
        });
      },
    },
    {
      name: 'stop',
      short: 'End the drill on this node and restore the link',
      examples: 'edgeadm drill stop',
      async run(call) {
        requireRoot(call);
        const [{ localMachine }, { endDrill }] = await Promise.all([
          import('../../phases/drill/machine.ts'),
          import('../../phases/drill/start.ts'),
        ]);
        const stopped = await endDrill(
          localMachine(call.emit),
          'it was stopped, its process ended, or the time to restore the link had come',
        );
        return {
          data: { stopped },
          text: stopped ? 'the drill has ended; the link is restored' : 'no drill runs on this node',
        };
      },
    },
  ],
};

/** Errors: E_USAGE. */
function wanted({ flags }: Call): WantedDrill {
  const durationMs = time('duration', flags.duration ?? standardDuration);
  const restoreAfterMs =
    flags.restoreAfter === undefined ? durationMs + spareMs : time('restore-after', flags.restoreAfter);
  if (restoreAfterMs <= durationMs) {
    throw new EdgeadmError('E_USAGE', '--restore-after must be longer than --duration', {
      hint: 'Leave it out: ten minutes more are the default.',
    });
  }
  if (flags.reboot === true && flags.powerCut === true) {
    throw new EdgeadmError('E_USAGE', '--reboot and --power-cut cannot be used together', {
      hint: 'Leave one of them out.',
    });
  }
  return {
    durationMs,
    restoreAfterMs,
    restart: flags.reboot === true ? 'reboot' : flags.powerCut === true ? 'power-cut' : 'none',
  };
}

function time(flag: string, text: unknown): number {
  const ms = parseGoDuration(String(text));
  if (ms !== undefined && ms >= 1000 && ms <= longestMs) return ms;
  throw new EdgeadmError('E_USAGE', `invalid argument ${JSON.stringify(text)} for "--${flag}"`, {
    hint: 'Give a duration between 1s and 24h, as 90s or 5m.',
  });
}

async function offline(call: Call): Promise<Outcome> {
  const { args, flags, emit, signal } = call;
  const options = wanted(call);
  const [{ openHost }, { edgeNodeName }] = await Promise.all([
    import('../host/open.ts'),
    import('../../phases/offline/index.ts'),
  ]);
  const [name] = args;
  // Reads only; the drill has no need of the lock, and reset must get it.
  const host = await openHost({ emit, dryRun: true, command: `edgeadm ${call.command}` });
  try {
    if (name !== undefined && (call.io.uid !== 0 || (await edgeNodeName(host)) !== name)) {
      const { drillInPlayground } = await import('./drill-playground.ts');
      return outcome(await drillInPlayground(call, name, options));
    }
    requireRoot(call);
    const [{ preflight }, { localMachine }, { overSocket }, start] = await Promise.all([
      import('../../phases/drill/preflight.ts'),
      import('../../phases/drill/machine.ts'),
      import('../../phases/drill/sight.ts'),
      import('../../phases/drill/start.ts'),
    ]);
    const machine = localMachine(emit);
    const state = await preflight(
      { machine, host, proxy: overSocket, emit, signal },
      {
        ...options,
        force: flags.force === true,
        restartedFromOutside: flags.restartedFromOutside === true,
      },
    );
    if (options.restart !== 'none' && !state.restartedFromOutside) {
      const what = options.restart === 'reboot' ? 'reboots' : 'is reset without being shut down';
      emit({
        type: 'warning',
        message: `this node ${what} in some seconds; the drill goes on by itself`,
        hint: 'Its report afterwards: `edgeadm drill report`.',
      });
    }
    await start.beginDrill(machine, state);
    const { id, restoreBy } = state;
    if (flags.detach === true) {
      return { data: { id, restoreBy }, text: 'the drill has begun; see `edgeadm drill report` afterwards' };
    }
    try {
      return outcome(await start.followDrill(machine, { id, restoreBy }, { emit, signal }));
    } catch (error) {
      if (signal.aborted) await start.endUnlessRestarting(machine);
      throw error;
    }
  } finally {
    await host.close();
  }
}

/** What the unit runs. */
async function resume(call: Call): Promise<Outcome> {
  requireRoot(call);
  const { emit, signal } = call;
  const [{ runDrill }, { localMachine }, { readState }, { nodeSight, nodeState, overSocket, restartNode }] =
    await Promise.all([
      import('../../phases/drill/run.ts'),
      import('../../phases/drill/machine.ts'),
      import('../../phases/drill/state.ts'),
      import('../../phases/drill/sight.ts'),
    ]);
  const machine = localMachine(emit);
  const report = await runDrill({
    machine,
    emit,
    signal,
    proxy: overSocket,
    sight: () => nodeSight(machine),
    nodeState: async () => nodeState((await readState(machine))?.node ?? ''),
    restartNode: (how) => restartNode(machine, how),
  });
  // A drill that failed has done its duty; a unit that fails is one that died.
  return {
    data: { ...report },
    text: report ? report.problem || 'the drill has ended' : 'the node restarts',
  };
}

const outcome = async (report: DrillReport): Promise<Outcome> => {
  const { reportText } = await import('./drill-text.ts');
  return { exitCode: report.passed ? 0 : 1, data: { ...report }, text: reportText(report) };
};
