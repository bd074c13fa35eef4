import { EdgeadmError, toEdgeadmError } from '../../errors.ts';
import { runPhases } from '../../workflow/run.ts';
import { select } from '../../workflow/select.ts';
import { listPlaygrounds } from '../list.ts';
import { checkName } from '../names.ts';
import { packagePathInNode } from '../node-package.ts';
import { checkCounts, planNodes } from '../plan.ts';
import { removePlayground } from '../remove.ts';
import type { Playground } from '../types.ts';
import { type CreateContext, set, type Timings } from './context.ts';
import { createPhases } from './index.ts';
import { refuseTakenNames } from './nodes.ts';

/**
 * Makes a playground, or goes on with one that an earlier run began with the same options. When it fails the nodes are
 * kept to be looked at; when it is interrupted, what this run made is removed. `packagePath` is where the nodes see the
 * install package.
 * Errors: E_USAGE, E_PLAYGROUND_HOST, E_PLAYGROUND, E_PACKAGE_*, E_ROLLOUT, E_INTERRUPTED.
 */
export async function createPlayground(
  ctx: CreateContext,
  { signal }: { signal: AbortSignal },
): Promise<{ playground: Playground; packagePath: string; timings: Timings }> {
  const { options, provider, emit, machine } = ctx;
  checkName(options.name);
  checkCounts(options, options.bare);
  const started = performance.now();
  // Without podman there is nothing yet; the first phase installs it.
  if (machine.uid === 0 && (await machine.find('podman')) !== undefined) {
    const playgrounds = await listPlaygrounds(provider);
    ctx.existing = playgrounds.find(({ name }) => name === options.name);
    if (ctx.existing) refuseOther(ctx, ctx.existing);
    await refuseTakenNames(ctx);
  }
  const seconds: Record<string, number> = {};
  try {
    await runPhases(select(createPhases), ctx, {
      command: 'playground create',
      signal,
      emit(event) {
        if (event.type === 'phase-done' || event.type === 'phase-fail') seconds[event.phase] = event.seconds;
        emit(event);
      },
    });
  } catch (thrown) {
    throw await afterFailure(ctx, signal, thrown);
  }
  const playground = (await listPlaygrounds(provider)).find(({ name }) => name === options.name);
  if (!playground) throw new Error(`playground ${options.name} is gone`);
  const total = (performance.now() - started) / 1000;
  const packagePath = packagePathInNode(set(ctx.nodePackage, 'the package'));
  return { playground, packagePath, timings: { total, phases: seconds, nodes: ctx.timings } };
}

/** Errors: E_PLAYGROUND when the playground of that name was made with other options. */
function refuseOther({ options }: CreateContext, existing: Playground): void {
  const wanted = planNodes(options, '0.0.0.0/24').map(({ name }) => name);
  const extra = existing.nodes.filter(({ name }) => !wanted.includes(name));
  const hint = `Delete it (\`edgeadm playground delete --name ${options.name}\`), or choose another name with --name.`;
  if (existing.network === '') {
    throw new EdgeadmError('E_PLAYGROUND', `playground "${options.name}" was deleted only in part`, { hint });
  }
  if (extra.length === 0 && existing.bare === options.bare && existing.nodes.length <= wanted.length) return;
  throw new EdgeadmError('E_PLAYGROUND', `playground "${options.name}" is there already, with other nodes`, {
    details: existing.nodes.map(({ name, state }) => `${name} (${state})`),
    hint,
  });
}

async function afterFailure(ctx: CreateContext, signal: AbortSignal, thrown: unknown): Promise<EdgeadmError> {
  const { options, provider, emit } = ctx;
  const error = toEdgeadmError(thrown);
  const made = (await listPlaygrounds(provider).catch(() => [])).find(({ name }) => name === options.name);
  if (!made) return error;
  if (signal.aborted) {
    if (ctx.existing) return error;
    emit({ type: 'progress', step: `remove playground ${options.name}` });
    await removePlayground(provider, made);
    return new EdgeadmError(
      'E_INTERRUPTED',
      'interrupted; what was made of the playground is removed again',
      {
        hint: 'Run the same command again to start anew.',
        cause: error,
      },
    );
  }
  const kept = `The nodes are kept for a look (edgeadm playground exec NODE -- journalctl -e). Run the same command again to go on, or remove them: edgeadm playground delete --name ${options.name}`;
  return new EdgeadmError(error.code, error.message, {
    ...(error.host === undefined ? {} : { host: error.host }),
    details: [...error.details],
    hint: error.hint === undefined ? kept : `${error.hint}\n${kept}`,
    cause: error,
  });
}
