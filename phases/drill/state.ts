import { join } from 'node:path';
import { paths } from '../../src/host/paths.ts';
import { kubeTime } from '../../src/kube/time.ts';
import type { DrillMachine } from './machine.ts';
import type { Containers } from './observe/containers.ts';

/** `none`: the node goes on; `reboot`: an orderly one; `power-cut`: at once, nothing is shut down. */
export type Restart = 'none' | 'reboot' | 'power-cut';

/** What a drill is doing; kept in a file, as the node may restart in the middle. */
export type Stage = 'cut' | 'restarting' | 'restarted' | 'restored';

export interface DrillState {
  /** Tells drills apart; a UUID. */
  id: string;
  node: string;
  /** Milliseconds since 1970, as all times here. */
  startedAt: number;
  /** When the link was cut; 0: not yet. */
  cutAt: number;
  /** When the link is back whatever happens. */
  restoreBy: number;
  /** How long it stays offline: from the cut, or from the boot when it restarts. */
  durationMs: number;
  restart: Restart;
  /** Somebody outside the node restarts it (the playground). */
  restartedFromOutside: boolean;
  /** Of the boot in which it started. */
  boot: string;
  stage: Stage;
  /** Addresses that are cut off. */
  addresses: string[];
  /** What ran before the cut. */
  before: Containers;
  checks: DrillCheck[];
}

export type CheckName =
  | 'LinkNoticed'
  | 'PodsRun'
  | 'EndpointsMatch'
  | 'ServicesAnswer'
  | 'DnsAnswers'
  | 'StayedCut'
  | 'LinkBack'
  | 'NodeReady'
  | 'NothingRestarted';

export interface DrillCheck {
  name: CheckName;
  /** `skip`: there is nothing to check, or it cannot be checked; `message` says why. */
  outcome: 'pass' | 'fail' | 'skip';
  /** Until it passed; of a failed one until it was given up. */
  seconds: number;
  since: 'cut' | 'boot' | 'restore';
  message: string;
}

/** What `edgeadm drill report -o json` has in `data`; times are ISO 8601. */
export interface DrillReport {
  id: string;
  node: string;
  restart: Restart;
  startedAt: string;
  endedAt: string;
  /** For which the link was cut, all in all. */
  offlineSeconds: number;
  passed: boolean;
  /** Why it ended before its end; empty otherwise. */
  problem: string;
  checks: DrillCheck[];
}

export const stateFile = join(paths.drill, 'state.json');
export const reportFile = join(paths.drill, 'report.json');
/** Rules for the one boot of the drill; gone once they were taken. */
export const bootRulesFile = join(paths.drill, 'boot.nft');

export async function readState(machine: Pick<DrillMachine, 'read'>): Promise<DrillState | undefined> {
  return parse(await machine.read(stateFile));
}

export async function writeState(machine: DrillMachine, state: DrillState): Promise<void> {
  await machine.write(stateFile, `${JSON.stringify(state)}\n`);
}

export async function readReport(machine: Pick<DrillMachine, 'read'>): Promise<DrillReport | undefined> {
  return parse(await machine.read(reportFile));
}

/** Writes the report of a drill that has ended, in whatever way. */
export async function writeReport(
  machine: DrillMachine,
  state: DrillState,
  { problem = '', restoredAt = machine.now() }: { problem?: string; restoredAt?: number } = {},
): Promise<DrillReport> {
  const report: DrillReport = {
    id: state.id,
    node: state.node,
    restart: state.restart,
    startedAt: kubeTime(state.startedAt),
    endedAt: kubeTime(machine.now()),
    offlineSeconds: state.cutAt === 0 ? 0 : tenths(Math.min(restoredAt, state.restoreBy) - state.cutAt),
    passed:
      problem === '' && state.checks.length > 0 && state.checks.every(({ outcome }) => outcome !== 'fail'),
    problem,
    checks: state.checks,
  };
  await machine.write(reportFile, `${JSON.stringify(report)}\n`);
  return report;
}

export const tenths = (ms: number): number => Math.max(0, Math.round(ms / 100) / 10);

/** A file that is cut short is none. */
function parse<T>(text: string | undefined): T | undefined {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as T);
  } catch {
    return undefined;
  }
}

/** Tells this boot from others. Containers share the machine's boot ID, so the start of PID 1 belongs to it. */
export async function bootOf(machine: DrillMachine): Promise<string> {
  const id = (await machine.read('/proc/sys/kernel/random/boot_id')) ?? '';
  return `${id.trim()}/${await startOfInit(machine)}`;
}

/** Milliseconds since PID 1 was started. */
export async function sinceBootMs(machine: DrillMachine): Promise<number> {
  const uptime = Number(((await machine.read('/proc/uptime')) ?? '').split(' ')[0]);
  return Math.max(0, uptime * 1000 - (await startOfInit(machine)) * 10);
}

/** proc_pid_stat(5): field 22 counts clock ticks, which are hundredths of a second for user space everywhere. */
async function startOfInit(machine: DrillMachine): Promise<number> {
  const stat = (await machine.read('/proc/1/stat')) ?? '';
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
}
