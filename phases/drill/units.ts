import { join } from 'node:path';
import { paths } from '../../src/host/paths.ts';
import { liteApiserverUnit } from '../node/lite-apiserver.ts';
import { restore, table } from './cut.ts';
import type { DrillMachine } from './machine.ts';
import { bootRulesFile, type Restart, stateFile } from './state.ts';

export const drillUnit = 'edgeadm-drill.service';
const restoreUnit = 'edgeadm-drill-restore.service';
const timerUnit = 'edgeadm-drill-restore.timer';
const bootUnit = 'edgeadm-drill-cut.service';

const program = `${paths.bin}/edgeadm`;
/** Units that do not outlive the boot need nobody to remove them. */
const passing = '/run/systemd/system';

/** The drill itself. When it dies in any way the link is restored at once. */
const drillUnitText = `[Unit]
Description=edgeadm drill: this node without the cloud
Documentation=https://github.com/superedge/edgeadm
After=${liteApiserverUnit} ${bootUnit}
OnFailure=${restoreUnit}

[Service]
ExecStart=${program} drill offline --resume -v=1
Restart=no
TimeoutStopSec=20

[Install]
WantedBy=multi-user.target
`;

/** nft first: it must work also where edgeadm does not. */
const restoreUnitText = `[Unit]
Description=edgeadm drill: restore the link
Documentation=https://github.com/superedge/edgeadm

[Service]
Type=oneshot
ExecStart=-nft delete table inet ${table}
ExecStart=${program} drill stop -v=1
`;

const timerUnitText = (seconds: number): string => `[Unit]
Description=edgeadm drill: restore the link whatever happens
Documentation=https://github.com/superedge/edgeadm

[Timer]
OnActiveSec=${Math.ceil(seconds)}s
AccuracySec=1s
Unit=${restoreUnit}

[Install]
WantedBy=timers.target
`;

/**
 * Cuts the link again before the network is up, in one boot and no other: the rules are taken away, durably, before they
 * are used, and time out by themselves.
 */
const bootUnitText = `[Unit]
Description=edgeadm drill: keep the link cut through this boot
Documentation=https://github.com/superedge/edgeadm
DefaultDependencies=no
RequiresMountsFor=${paths.drill}
After=local-fs.target
Before=network-pre.target ${liteApiserverUnit} ${drillUnit}
Wants=network-pre.target
ConditionPathExists=${bootRulesFile}

[Service]
Type=oneshot
ExecStart=mv ${bootRulesFile} ${bootRulesFile}.used
ExecStart=sync ${paths.drill}
ExecStart=nft -f ${bootRulesFile}.used

[Install]
WantedBy=multi-user.target
`;

/** Puts the units in place and starts the timer that always restores the link; nothing is cut yet. */
export async function installUnits(
  machine: DrillMachine,
  { restart, seconds }: { restart: Restart; seconds: number },
): Promise<void> {
  const folder = restart === 'none' ? passing : paths.units;
  await machine.write(join(folder, drillUnit), drillUnitText);
  await machine.write(join(folder, restoreUnit), restoreUnitText);
  await machine.write(join(folder, timerUnit), timerUnitText(seconds));
  if (restart !== 'none') await machine.write(join(folder, bootUnit), bootUnitText);
  await machine.run({ file: 'systemctl', args: ['daemon-reload'] });
  if (restart !== 'none') {
    await machine.run({ file: 'systemctl', args: ['enable', drillUnit, timerUnit, bootUnit] });
  }
  await machine.run({ file: 'systemctl', args: ['start', timerUnit] });
}

/** Begins the drill, away from this process and from whoever is logged in. */
export async function startDrill(machine: DrillMachine): Promise<void> {
  await machine.run({ file: 'systemctl', args: ['start', '--no-block', drillUnit] });
}

export async function isRunning(machine: DrillMachine): Promise<boolean> {
  const { stdout } = await machine.run(
    { file: 'systemctl', args: ['is-active', drillUnit] },
    { allowFailure: true },
  );
  return ['active', 'activating', 'deactivating'].includes(stdout.trim());
}

/** Ends the drill's own process and waits for that; it restores the link itself. */
export async function stopDrill(machine: DrillMachine): Promise<void> {
  await machine.run(
    { file: 'systemctl', args: ['stop', drillUnit], timeoutMs: 60_000 },
    { allowFailure: true },
  );
}

/** Whether systemd is on its way down: then a stop is that of the node, not of the drill. */
export async function isShuttingDown(machine: DrillMachine): Promise<boolean> {
  const { stdout } = await machine.run(
    { file: 'systemctl', args: ['is-system-running'] },
    { allowFailure: true },
  );
  return stdout.trim() === 'stopping';
}

/** Restores the link and removes all that a drill put in place but its report. What is not there is no error. */
export async function removeDrill(machine: DrillMachine): Promise<void> {
  let problem: unknown;
  const attempt = async (work: Promise<unknown>): Promise<void> => {
    await work.catch((error) => {
      problem ??= error;
    });
  };
  await attempt(restore(machine));
  await attempt(machine.remove(bootRulesFile));
  await attempt(machine.remove(`${bootRulesFile}.used`));
  const quiet = (args: string[]) => machine.run({ file: 'systemctl', args }, { allowFailure: true });
  await attempt(quiet(['stop', timerUnit]));
  await attempt(quiet(['disable', drillUnit, timerUnit, bootUnit]));
  for (const folder of [passing, paths.units]) {
    for (const unit of [drillUnit, restoreUnit, timerUnit, bootUnit]) {
      await attempt(machine.remove(join(folder, unit)));
    }
  }
  await attempt(quiet(['daemon-reload']));
  await attempt(quiet(['reset-failed', drillUnit]));
  await attempt(machine.remove(stateFile));
  if (problem !== undefined) throw problem;
}
