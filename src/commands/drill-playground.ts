import type { DrillReport, Restart } from '../../phases/drill/state.ts';
import { formatGoDuration } from '../config/goduration.ts';
import { openRunningNode } from './playground.ts';
import type { Call } from './spec.ts';

export interface WantedDrill {
  durationMs: number;
  restoreAfterMs: number;
  restart: Restart;
}

/**
 * Runs a drill in a node of a playground: begins it there, restarts the node from here, where its power is, and waits for
 * the report. Errors: as the drill's in the node (E_PLAYGROUND with its words).
 */
export async function drillInPlayground(
  call: Call,
  name: string,
  { durationMs, restoreAfterMs, restart }: WantedDrill,
): Promise<DrillReport> {
  const { emit, signal, flags } = call;
  const selection = flags.name === undefined ? {} : { name: flags.name as string };
  const { provider, found } = await openRunningNode(name, selection, { emit, signal });
  const [{ runEdgeadm, outcomeError }, { followDrill }, { localMachine }] = await Promise.all([
    import('../playground/edgeadm.ts'),
    import('../../phases/drill/start.ts'),
    import('../../phases/drill/machine.ts'),
  ]);
  const begun = await runEdgeadm(
    provider,
    found.name,
    [
      ...['drill', 'offline', '--detach', '--duration', formatGoDuration(durationMs)],
      ...['--restore-after', formatGoDuration(restoreAfterMs)],
      ...(restart === 'none' ? [] : [`--${restart}`, '--restarted-from-outside']),
      ...(flags.force === true ? ['--force'] : []),
    ],
    {
      signal,
      onEvent: (event) => {
        if (event.type === 'warning') emit(event);
      },
    },
  );
  if (!begun.result?.ok) throw outcomeError(found.name, 'drill offline', begun);
  const { id, restoreBy } = begun.result.data as { id: string; restoreBy: number };
  const { now, pause } = localMachine(emit);
  const read = async (path: string): Promise<string | undefined> => {
    const { exitCode, stdout } = await provider.exec(found.name, ['cat', path], { allowFailure: true });
    return exitCode === 0 ? stdout : undefined;
  };
  let restarted = false;
  try {
    return await followDrill(
      { now, pause, read },
      { id, restoreBy },
      {
        emit,
        signal,
        async onState({ stage }) {
          if (stage !== 'restarting' || restarted) return;
          restarted = true;
          await provider.rebootNode(found.name, { powerCut: restart === 'power-cut', signal });
        },
      },
    );
  } catch (error) {
    // The link comes back without it too, later.
    await runEdgeadm(provider, found.name, ['drill', 'stop'], { timeoutMs: 60_000 }).catch(() => {});
    throw error;
  }
}
