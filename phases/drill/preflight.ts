import { randomUUID } from 'node:crypto';
import { readConfig } from '../../src/edge/lite-apiserver/config.ts';
import { readLocalAddresses } from '../../src/edge/node/edge-link.ts';
import { EdgeadmError } from '../../src/errors.ts';
import type { Host } from '../../src/host/host.ts';
import { paths } from '../../src/host/paths.ts';
import { kubeTime } from '../../src/kube/time.ts';
import type { Emit } from '../../src/workflow/events.ts';
import { checkOffline } from '../offline/index.ts';
import type { ProxyReader } from './checks.ts';
import { cloudAddresses } from './cut.ts';
import type { DrillMachine } from './machine.ts';
import { bootOf, type DrillState, type Restart, readState } from './state.ts';
import { isRunning, removeDrill } from './units.ts';

export interface DrillOptions {
  durationMs: number;
  restoreAfterMs: number;
  restart: Restart;
  restartedFromOutside: boolean;
  /** Go on with findings of the verdict that are errors. */
  force: boolean;
}

export interface PreflightDeps {
  machine: DrillMachine;
  /** For reading alone. */
  host: Host;
  proxy: ProxyReader;
  emit: Emit;
  signal: AbortSignal;
}

/**
 * Refuses a drill that would show nothing or harm the node, before anything is changed, and gives the state of the drill
 * to begin. Errors: E_EDGE_NODE, E_HOST_BUSY, E_PREFLIGHT, E_COMMAND_MISSING.
 */
export async function preflight(deps: PreflightDeps, options: DrillOptions): Promise<DrillState> {
  const { machine, host, proxy, signal } = deps;
  // Throws where this is no edge node, so it comes first.
  const verdict = await checkOffline(host, { signal });
  await refuseSecondDrill(deps);
  if (options.restart !== 'none' && !options.restartedFromOutside) await refuseContainer(machine);
  const status = await proxy.status().catch((cause: Error) => {
    throw new EdgeadmError('E_EDGE_NODE', `the node-local API proxy does not answer: ${cause.message}`, {
      hint: 'See `systemctl status edgeadm-lite-apiserver`.',
      cause,
    });
  });
  if (!status.online) {
    throw new EdgeadmError(
      'E_EDGE_NODE',
      `${status.node} is offline already, since ${status.since}: ${status.reason}`,
      {
        hint: 'A drill begins online, so that it can tell what is lost. Wait for the link: `edgeadm status`.',
      },
    );
  }
  const blocking = verdict.findings.filter(({ severity }) => severity === 'error');
  const details = blocking.map(({ id, message }) => `[ERROR ${id}]: ${message}`);
  if (blocking.length > 0 && !options.force) {
    throw new EdgeadmError(
      'E_PREFLIGHT',
      `${status.node} would not come back after a reboot offline: ${[...new Set(blocking.map(({ id }) => id))].join(', ')}`,
      { hint: 'Fixes: `edgeadm check offline`. To go on all the same, pass --force.', details },
    );
  }
  for (const message of details) deps.emit({ type: 'warning', message });
  for (const file of ['nft', 'ctr', 'systemctl']) await machine.run({ file, args: ['--version'] });
  const { upstream } = await readConfig(paths.liteApiserverConfig);
  const own = [...(await readLocalAddresses((path) => machine.read(path)))];
  const addresses = await cloudAddresses(upstream.servers, { own });
  const startedAt = machine.now();
  return {
    id: randomUUID(),
    node: status.node,
    startedAt,
    cutAt: 0,
    restoreBy: startedAt + options.restoreAfterMs,
    durationMs: options.durationMs,
    restart: options.restart,
    restartedFromOutside: options.restartedFromOutside,
    boot: await bootOf(machine),
    stage: 'cut',
    addresses,
    before: [],
    checks: [],
  };
}

/** What a drill left that a boot has ended is removed. */
async function refuseSecondDrill({ machine, emit }: PreflightDeps): Promise<void> {
  const state = await readState(machine);
  if (!state) return;
  const ended =
    machine.now() > state.restoreBy || (state.restart === 'none' && state.boot !== (await bootOf(machine)));
  if ((await isRunning(machine)) || !ended) {
    const since = kubeTime(state.startedAt);
    throw new EdgeadmError('E_HOST_BUSY', `a drill runs on ${state.node} since ${since}`, {
      hint: 'Wait for its end, or end it and restore the link: `edgeadm drill stop`.',
    });
  }
  emit({ type: 'warning', message: 'removed what an interrupted drill had left' });
  await removeDrill(machine);
}

/** systemd says so to everybody (https://systemd.io/CONTAINER_INTERFACE). The kernel's reset would be the machine's. */
async function refuseContainer(machine: DrillMachine): Promise<void> {
  const container = (await machine.read('/run/systemd/container'))?.trim();
  if (!container) return;
  throw new EdgeadmError('E_PREFLIGHT', `this node is a container (${container}) and cannot restart itself`, {
    hint: 'On the machine that has the playground: `edgeadm drill offline NODE --reboot`.',
  });
}
