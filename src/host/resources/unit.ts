import type { Entry } from '../journal/journal.ts';
import { change, type Seam, type UndoReport, unchanged } from '../seam.ts';

/** What systemd says of a unit; see systemctl(1), `show`. */
interface UnitState {
  load: string;
  enabled: string;
  active: string;
  needReload: boolean;
}

interface Before {
  load: string;
  enabled: boolean;
  active: boolean;
}

interface UnitAfter {
  enabled: boolean;
  active?: boolean;
  /** Fingerprint of the configuration that the running unit has read. */
  version?: string;
  /** It was running before and was stopped, restarted or started anew. */
  restarted?: boolean;
}

const unitDirectories = [
  '/etc/systemd/',
  '/run/systemd/',
  '/usr/lib/systemd/',
  '/lib/systemd/',
  '/usr/local/lib/systemd/',
];

export function isUnitFile(at: string): boolean {
  return unitDirectories.some((directory) => at.startsWith(directory));
}

/** A path is about to change; systemd has to read its units again if it is one of them. */
export function noteUnitFile(seam: Seam, at: string): void {
  if (isUnitFile(at)) seam.unitsChanged = true;
}

/** Enables a unit and (re)starts it; see Host.enableUnit. */
export async function enableUnit(
  seam: Seam,
  unit: string,
  options: { start?: boolean; restart?: boolean; version?: string },
): Promise<boolean> {
  const key = `unit:${unit}`;
  const now = await freshState(seam, unit);
  const entry = seam.journal.entry(key);
  const last = entry?.after as UnitAfter | undefined;
  // A restart that a crash may have left out, or a configuration that was read by nobody yet.
  const stale =
    (entry?.done === false && last?.restarted === true) ||
    (options.version !== undefined && options.version !== last?.version);
  const active = isActive(now);
  const enable = !isEnabled(now);
  const start = options.start !== false && !active;
  const restart = options.start !== false && active && (options.restart === true || stale);
  if (!enable && !start && !restart) return unchanged(seam, key);

  const after: UnitAfter = {
    enabled: true,
    ...(start || restart ? { active: true } : {}),
    ...(options.version === undefined ? {} : { version: options.version }),
    ...(restart ? { restarted: true } : {}),
  };
  const steps = [enable && 'enable', start && 'start', restart && 'restart'].filter((step) => step !== false);
  return take(seam, unit, { now, after, steps });
}

/** Disables a unit and stops it; see Host.disableUnit. */
export async function disableUnit(seam: Seam, unit: string, options: { stop?: boolean }): Promise<boolean> {
  const key = `unit:${unit}`;
  const now = await freshState(seam, unit);
  const disable = now.enabled.startsWith('enabled');
  const stop = options.stop !== false && isActive(now);
  if (!disable && !stop) return unchanged(seam, key);
  const steps = [stop && 'stop', disable && 'disable'].filter((step) => step !== false);
  const after: UnitAfter = { enabled: false, ...(stop ? { active: false } : {}) };
  return take(seam, unit, { now, after, steps });
}

/** Steps of systemctl, as one change. */
function take(
  seam: Seam,
  unit: string,
  { now, after, steps }: { now: UnitState; after: UnitAfter; steps: readonly string[] },
): Promise<boolean> {
  return change(
    seam,
    {
      kind: 'unit',
      key: `unit:${unit}`,
      before: async () => before(now),
      after,
      action: 'unit',
      target: unit,
      summary: steps.join(', '),
    },
    async () => {
      for (const step of steps) await systemctl(seam, step, unit);
    },
  );
}

/**
 * Stops what was not running and disables what was not enabled. What was running before is started (and restarted,
 * when we had changed it) at the end, with its files as they were.
 */
export async function undoUnit(seam: Seam, entry: Entry, unit: string, report: UndoReport): Promise<void> {
  const was = entry.before as Before;
  const now = await state(seam, unit);
  if (!was.active && isActive(now)) await systemctl(seam, 'stop', unit);
  if (!was.enabled && now.enabled.startsWith('enabled')) await systemctl(seam, 'disable', unit);
  if (!was.active) await systemctl(seam, 'reset-failed', unit, { allowFailure: true });
  const restarted = (entry.afters as UnitAfter[]).some((after) => after.restarted);
  if (!was.active && !was.enabled) return;
  report.atEnd(async () => {
    const then = await state(seam, unit);
    if (was.enabled && !isEnabled(then)) await systemctl(seam, 'enable', unit);
    if (was.active && !isActive(then)) await systemctl(seam, 'start', unit);
    else if (was.active && restarted) await systemctl(seam, 'restart', unit);
  });
}

/** Makes systemd read its unit files again. */
export async function daemonReload(seam: Seam): Promise<void> {
  await systemctl(seam, 'daemon-reload');
  seam.unitsChanged = false;
}

/**
 * The unit's state after systemd has read what is on the disk. A unit that it did not know it reads when it is asked for
 * it, and of one that it knows it says when file or drop-ins are others now: reading all units again takes a while.
 */
async function freshState(seam: Seam, unit: string): Promise<UnitState> {
  const now = await state(seam, unit);
  if (seam.dryRun || (!now.needReload && now.load !== 'not-found')) return now;
  await daemonReload(seam);
  return state(seam, unit);
}

async function state(seam: Seam, unit: string): Promise<UnitState> {
  const { stdout } = await systemctl(seam, 'show', unit, {
    properties: ['LoadState', 'UnitFileState', 'ActiveState', 'NeedDaemonReload'],
  });
  const properties = new Map(
    stdout
      .split('\n')
      .map((line): [string, string] => [line.split('=')[0] ?? '', line.slice(line.indexOf('=') + 1)]),
  );
  return {
    load: properties.get('LoadState') ?? 'not-found',
    enabled: properties.get('UnitFileState') ?? '',
    active: properties.get('ActiveState') ?? 'inactive',
    needReload: properties.get('NeedDaemonReload') === 'yes',
  };
}

function before(now: UnitState): Before {
  return { load: now.load, enabled: now.enabled.startsWith('enabled'), active: isActive(now) };
}

/** Units without an [Install] section cannot be enabled, only started. */
function isEnabled({ enabled }: UnitState): boolean {
  return ['enabled', 'enabled-runtime', 'static', 'indirect', 'generated', 'transient', 'alias'].includes(
    enabled,
  );
}

function isActive({ active }: UnitState): boolean {
  return active === 'active' || active === 'activating' || active === 'reloading';
}

function systemctl(
  seam: Seam,
  verb: string,
  unit?: string,
  options: { properties?: string[]; allowFailure?: boolean } = {},
) {
  const { properties, ...rest } = options;
  const flags = properties ? [`--property=${properties.join(',')}`] : [];
  const args = [verb, ...flags, ...(unit === undefined ? [] : ['--', unit])];
  return seam.execute({ file: 'systemctl', args }, { level: verb === 'show' ? 4 : 1, ...rest });
}
