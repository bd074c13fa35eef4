import { EdgeadmError } from '../errors.ts';
import type { Emit } from '../workflow/events.ts';
import type { Machine } from './machine.ts';
import {
  capabilitiesCheck,
  cgroupCheck,
  kernelCheck,
  rootCheck,
  systemCheck,
} from './prerequisites/machine-checks.ts';
import {
  diskCheck,
  forwardCheck,
  inotifyCheck,
  limitsCheck,
  memoryCheck,
} from './prerequisites/resources.ts';
import { toolsCheck } from './prerequisites/tools.ts';
import type { Check, Finding, Needs } from './prerequisites/types.ts';
import { goCheck, podmanCheck } from './prerequisites/versions.ts';

export type { Needs } from './prerequisites/types.ts';

const checks: readonly Check[] = [
  systemCheck,
  rootCheck,
  capabilitiesCheck,
  cgroupCheck,
  kernelCheck,
  memoryCheck,
  diskCheck,
  limitsCheck,
  forwardCheck,
  toolsCheck,
  podmanCheck,
  goCheck,
  inotifyCheck,
];

export interface PrerequisitesRun {
  emit: Emit;
  signal: AbortSignal;
  progress(step: string, amount?: { done: number; total: number; unit: 'bytes' | 'items' }): void;
}

/**
 * Makes sure that this machine can run the nodes. First everything is looked at; when something is wrong that only a
 * person can change, nothing is changed and E_PLAYGROUND_HOST names all of it with its fixes. Else what is missing is
 * installed or set, each told as a `change` event, and everything looked at once more.
 * Returns whether something was changed.
 */
export async function ensurePrerequisites(
  machine: Machine,
  needs: Needs,
  run: PrerequisitesRun,
): Promise<boolean> {
  const found = await look(machine, needs);
  const stuck = found.filter(({ repair }) => repair === undefined);
  if (stuck.length > 0) throw unfit(stuck);
  if (found.length === 0) return false;
  for (const { repair } of found) {
    run.signal.throwIfAborted();
    if (!repair) continue;
    run.emit({
      type: 'change',
      host: 'this machine',
      action: 'prepare',
      target: 'playground',
      summary: repair.summary,
      planned: false,
    });
    run.progress(repair.summary);
    await repair.apply(
      (step, percent) =>
        run.progress(
          step,
          percent === undefined ? undefined : { done: Math.floor(percent), total: 100, unit: 'items' },
        ),
      run.signal,
    );
  }
  const left = await look(machine, needs);
  if (left.length > 0) throw unfit(left);
  return true;
}

/** All that is missing, in the order of the checks. */
async function look(machine: Machine, needs: Needs): Promise<Finding[]> {
  const findings = await Promise.all(checks.map((check) => check.find(machine, needs)));
  return findings.filter((finding): finding is Finding => finding !== undefined);
}

function unfit(findings: readonly Finding[]): EdgeadmError {
  const [first] = findings;
  const message =
    findings.length === 1
      ? `this machine cannot run playground nodes: ${first!.problem}`
      : `this machine cannot run playground nodes, for ${findings.length} reasons`;
  return new EdgeadmError('E_PLAYGROUND_HOST', message, {
    details: findings.length === 1 ? [] : findings.map(({ problem }) => problem),
    hint: findings.map(({ fix }) => fix).join('\n'),
  });
}
