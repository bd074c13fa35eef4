import type { Phase } from '../../workflow/phase.ts';
import { listPlaygrounds } from '../list.ts';
import { pruneUnpacked, unpackForNodes } from '../node-package.ts';
import type { CreateContext } from './context.ts';

export const packagePhase: Phase<CreateContext> = {
  name: 'package',
  short: 'Build the install package, or take the given one, and verify it',
  async run(ctx, run) {
    const { bare, kubernetesVersion, packagePath } = ctx.options;
    // Progress of the build, which knows nothing of this phase, is shown as progress of this phase.
    const emit: typeof ctx.emit = (event) =>
      ctx.emit(event.type === 'progress' ? { ...event, phase: 'package' } : event);
    const path =
      packagePath ?? (await ctx.buildPackage({ kubernetesVersion }, { emit, signal: run.signal })).path;
    ctx.nodePackage = await unpackForNodes(
      path,
      { bare },
      {
        machine: ctx.machine,
        cacheDirectory: ctx.cacheDirectory,
        emit,
        signal: run.signal,
        progress: run.progress,
      },
    );
    const used = (await listPlaygrounds(ctx.provider)).map(({ packageDigest }) => packageDigest ?? '');
    await pruneUnpacked(ctx.cacheDirectory, new Set([...used, ctx.nodePackage.digest]));
    return true;
  },
};
