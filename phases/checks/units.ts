import type { Host } from '../../src/host/host.ts';

export interface UnitFacts {
  /** `containerd.service` */
  name: string;
  /** There is a unit file of that name. */
  installed: boolean;
  active: boolean;
  /** It starts at boot. */
  enabled: boolean;
  /** Where the unit file is. */
  file: string;
}

/** What systemd says of units, in the given order; empty where systemd does not answer. */
export async function readUnits(
  host: Host,
  names: readonly string[],
  signal: AbortSignal,
): Promise<UnitFacts[]> {
  const properties = '--property=Id,LoadState,ActiveState,UnitFileState,FragmentPath';
  const { stdout } = await host.query(
    { file: 'systemctl', args: ['show', properties, ...names], signal, timeoutMs: 10_000 },
    { allowFailure: true },
  );
  return stdout
    .trim()
    .split('\n\n')
    .filter((block) => block.includes('='))
    .map((block, index) => {
      const value = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(block)?.[1] ?? '';
      return {
        // An alias shows the Id of its target; callers look for the name that they asked for.
        name: names[index] ?? value('Id'),
        installed: value('LoadState') === 'loaded',
        active: ['active', 'activating', 'reloading'].includes(value('ActiveState')),
        enabled: value('UnitFileState') === 'enabled',
        file: value('FragmentPath'),
      };
    });
}
