import { EdgeadmError } from '../../src/errors.ts';
import type { Emit } from '../../src/workflow/events.ts';
import {
  type Check,
  lasting,
  linkNoticed,
  nothingRestarted,
  offlineChecks,
  type ProxyReader,
  type Sight,
} from './checks.ts';
import { cut, cutRules, isCut, restore } from './cut.ts';
import type { DrillMachine } from './machine.ts';
import type { Containers } from './observe/containers.ts';
import {
  bootOf,
  bootRulesFile,
  type DrillCheck,
  type DrillReport,
  type DrillState,
  readState,
  sinceBootMs,
  tenths,
  writeReport,
  writeState,
} from './state.ts';
import { isShuttingDown, removeDrill } from './units.ts';
import { watchChecks } from './watch.ts';

export interface DrillDeps {
  machine: DrillMachine;
  emit: Emit;
  /** Stops the drill: the link is restored, unless the node is going down for it. */
  signal: AbortSignal;
  /** Looks at the node; `before` is filled in by the drill. */
  sight(): Promise<Omit<Sight, 'before'>>;
  proxy: ProxyReader;
  /** What the cloud knows of this node. */
  nodeState(): Promise<{ ready: boolean; renewedAt: number }>;
  /** Reboots or resets the node; returns before it goes down. */
  restartNode(how: 'reboot' | 'power-cut'): Promise<void>;
}

const noticeMs = 30_000;
/** What has to come up has this long, however short the drill is to be. */
const comeUpMs = 180_000;
/** Of the time until the link is restored by force, for restoring it in order. */
const reserveMs = 10_000;
const goDownMs = 300_000;
const linkBackMs = 60_000;
const nodeReadyMs = 120_000;

/** Why a drill ended before its end. */
class Ended extends Error {}

/**
 * The drill itself, run by its unit: begins, or goes on after the restart of the node. However it ends, the link is back
 * and a report is there; undefined when the node is going down, after which it goes on.
 * Errors: E_PHASE_STATE when there is no drill, E_COMMAND.
 */
export async function runDrill(deps: DrillDeps): Promise<DrillReport | undefined> {
  const { machine, signal } = deps;
  const state = await readState(machine);
  if (!state) {
    throw new EdgeadmError('E_PHASE_STATE', 'there is no drill to go on with', {
      hint: 'Begin one: `edgeadm drill offline`.',
    });
  }
  let problem = '';
  let restoredAt: number | undefined;
  try {
    await throughTheCut(deps, state);
    restoredAt = await backOnline(deps, state);
  } catch (error) {
    if (signal.aborted && state.stage === 'restarting' && (await isShuttingDown(machine))) return undefined;
    problem = signal.aborted ? 'it was stopped' : (error as Error).message;
    if (!signal.aborted && !(error instanceof Ended)) {
      deps.emit({ type: 'warning', message: `the drill failed: ${problem}` });
    }
    await restore(machine);
    restoredAt = machine.now();
  }
  const report = await writeReport(machine, state, { problem, restoredAt });
  await removeDrill(machine);
  return report;
}

async function throughTheCut(deps: DrillDeps, state: DrillState): Promise<void> {
  const { machine } = deps;
  const boot = await bootOf(machine);
  if (state.stage === 'cut' && state.cutAt === 0 && boot === state.boot) await begin(deps, state);
  else if (state.stage === 'restarting' && boot !== state.boot) await goOn(deps, state, boot);
  else throw new Ended('its process, or the node, was started again by something else');
}

/** From the cut to the end of the time offline, or until the node restarts. */
async function begin(deps: DrillDeps, state: DrillState): Promise<void> {
  const { machine, emit } = deps;
  const seen = await deps.sight();
  state.before = await runningToStay(seen);
  await writeState(machine, state);
  await cut(machine, state.addresses, (state.restoreBy - machine.now()) / 1000);
  state.cutAt = machine.now();
  await writeState(machine, state);
  emit({ type: 'log', level: 1, message: `cut off from ${state.addresses.join(', ')}` });
  const sight = { ...seen, before: state.before };
  const elapsed = async () => machine.now() - state.cutAt;
  if (state.restart === 'none') {
    await look(deps, state, {
      checks: offlineChecks,
      sight,
      elapsed,
      since: 'cut',
      ...(await limits(machine, state, elapsed)),
    });
    await stillCut(machine, state, elapsed);
    return;
  }
  const checks = [{ name: 'LinkNoticed', check: linkNoticed }] as const;
  await look(deps, state, { checks, sight, elapsed, since: 'cut', untilMs: noticeMs });
  await restartTheNode(deps, state);
}

/** Ends by the stop of the unit, when the node goes down. */
async function restartTheNode({ machine, signal, ...deps }: DrillDeps, state: DrillState): Promise<never> {
  const left = (state.restoreBy - machine.now()) / 1000;
  if (left <= 0) throw new Ended('the time to restore the link had come before the node was restarted');
  await machine.write(bootRulesFile, cutRules(state.addresses, left));
  state.stage = 'restarting';
  await writeState(machine, state);
  // Units and links that systemctl made are not durable yet.
  await machine.run({ file: 'sync', timeoutMs: 60_000 });
  if (state.restart !== 'none' && !state.restartedFromOutside) await deps.restartNode(state.restart);
  const deadline = machine.now() + goDownMs;
  while (machine.now() < deadline) {
    await machine.pause(1000, signal);
    signal.throwIfAborted();
  }
  throw new Ended(`the node did not restart within ${goDownMs / 1000} s`);
}

/** After the boot. */
async function goOn(deps: DrillDeps, state: DrillState, boot: string): Promise<void> {
  const { machine } = deps;
  state.boot = boot;
  state.stage = 'restarted';
  await writeState(machine, state);
  if (!(await isCut(machine, state.addresses))) throw new Ended('the link was not cut at the boot');
  if (machine.now() >= state.restoreBy) throw new Ended('the time to restore the link came before the boot');
  const sight = { ...(await deps.sight()), before: state.before };
  const elapsed = () => sinceBootMs(machine);
  const times = await limits(machine, state, elapsed);
  await look(deps, state, { checks: offlineChecks, sight, elapsed, since: 'boot', ...times });
  await stillCut(machine, state, elapsed, 'boot');
  // From here on these must stay.
  state.before = await runningToStay(sight);
}

/** Restores the link and looks whether all is as it was. Returns when the link was restored. */
async function backOnline(deps: DrillDeps, state: DrillState): Promise<number> {
  const { machine, emit, proxy } = deps;
  await restore(machine);
  const restoredAt = machine.now();
  state.stage = 'restored';
  await writeState(machine, state);
  emit({ type: 'log', level: 1, message: 'the link is restored' });
  const seen = await deps.sight();
  const more = {
    sight: { ...seen, before: state.before },
    elapsed: async () => machine.now() - restoredAt,
    since: 'restore',
  } as const;
  const linkBack: Check = async () => {
    const { online, reason } = await proxy.status();
    return online
      ? { outcome: 'pass', message: 'the node-local API proxy is online' }
      : { outcome: 'wait', message: `the node-local API proxy is offline: ${reason}` };
  };
  await look(deps, state, { ...more, checks: [{ name: 'LinkBack', check: linkBack }], untilMs: linkBackMs });
  const nodeReady: Check = async () => {
    const { ready, renewedAt } = await deps.nodeState();
    if (renewedAt <= restoredAt) return { outcome: 'wait', message: 'the kubelet has not renewed its lease' };
    if (!ready) return { outcome: 'wait', message: 'the cloud does not take the node for Ready' };
    // What the cloud wants of the node has reached the kubelet when its watch of pods is alive again.
    const { resources } = await proxy.status();
    const isCurrent = resources.some(
      ({ identity, resource, live }) => identity.startsWith('node:') && resource === 'pods' && live,
    );
    return isCurrent
      ? { outcome: 'pass', message: 'lease renewed, Node Ready, pods watched' }
      : { outcome: 'wait', message: 'the kubelet does not watch its pods yet' };
  };
  await look(deps, state, {
    ...more,
    checks: [{ name: 'NodeReady', check: nodeReady }],
    untilMs: nodeReadyMs,
  });
  const same = [{ name: 'NothingRestarted', check: nothingRestarted }] as const;
  await look(deps, state, { ...more, checks: same, untilMs: 0 });
  return restoredAt;
}

/** The node stays offline for the whole duration, and longer only for what is not up yet. */
async function limits(
  machine: DrillMachine,
  { restoreBy, durationMs }: DrillState,
  elapsed: () => Promise<number>,
): Promise<{ untilMs: number; leastMs: number }> {
  const most = (await elapsed()) + restoreBy - machine.now() - reserveMs;
  return {
    leastMs: Math.min(durationMs, most),
    untilMs: Math.min(Math.max(durationMs, comeUpMs), most),
  };
}

type Looks = Pick<Parameters<typeof watchChecks>[0], 'checks' | 'sight' | 'elapsed' | 'since' | 'untilMs'> & {
  leastMs?: number;
};

async function look({ machine, signal, emit }: DrillDeps, state: DrillState, looks: Looks): Promise<void> {
  const told = ({ name, outcome, seconds, message }: DrillCheck) =>
    emit({ type: 'log', level: 1, message: `${name}: ${outcome} after ${seconds} s: ${message}` });
  state.checks.push(...(await watchChecks({ leastMs: 0, ...looks, machine, signal, told })));
  await writeState(machine, state);
}

/** A drill whose link came back in between has shown nothing. */
async function stillCut(
  machine: DrillMachine,
  state: DrillState,
  elapsed: () => Promise<number>,
  since: DrillCheck['since'] = 'cut',
): Promise<void> {
  const held = await isCut(machine, state.addresses);
  state.checks.push({
    name: 'StayedCut',
    outcome: held ? 'pass' : 'fail',
    seconds: tenths(await elapsed()),
    since,
    message: held ? 'the link stayed cut' : 'the link came back before the end: --restore-after is too short',
  });
}

/** What runs now and is to stay. */
async function runningToStay({
  containers,
  proxy,
}: Pick<Sight, 'containers' | 'proxy'>): Promise<Containers> {
  const [running, { pods }] = await Promise.all([containers.running(), proxy.workload()]);
  return lasting(running, pods);
}
