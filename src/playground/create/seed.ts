import { findDocument } from '../../config/documents.ts';
import { textAt } from '../../config/fields.ts';
import { toEdgeadmError } from '../../errors.ts';
import type { Phase, PhaseRun } from '../../workflow/phase.ts';
import { outcomeError, runEdgeadm } from '../edgeadm.ts';
import { findImageSeed, keepImages, type SeedTools, seedImages, seedPackage } from '../seed.ts';
import { type CreateContext, set } from './context.ts';
import { follow } from './follow.ts';
import { initArguments, writeInitConfig } from './init.ts';

export const seedPhase: Phase<CreateContext> = {
  name: 'seed',
  short: 'Give the nodes what was unpacked on this machine before',
  skip(ctx) {
    if (ctx.options.bare) return 'the nodes stay bare';
    return newNodes(ctx).length === 0 ? 'the nodes are there already' : undefined;
  },
  async run(ctx, run) {
    try {
      await seed(ctx, run);
      return true;
    } catch (thrown) {
      run.signal.throwIfAborted();
      // Only time is lost: edgeadm unpacks and imports what it does not find.
      ctx.emit({ type: 'log', level: 1, message: `nodes are not seeded: ${toEdgeadmError(thrown).message}` });
      return false;
    }
  },
};

async function seed(ctx: CreateContext, run: PhaseRun): Promise<void> {
  const { provider, machine, cacheDirectory } = ctx;
  const tools: SeedTools = { provider, machine, cacheDirectory, signal: run.signal };
  const nodePackage = set(ctx.nodePackage, 'the package');
  const fresh = newNodes(ctx);
  await seedPackage(tools, fresh, nodePackage);
  if (!importsAsUsual(ctx)) return;
  const known = await findImageSeed(cacheDirectory, nodePackage.digest);
  if (known) {
    await seedImages(tools, fresh, known);
    return;
  }
  const [first = '', ...others] = fresh;
  if (first !== ctx.nodes?.[0]?.name) return;
  // The images are imported once, by the phases that import them anyway; the other nodes get links.
  await writeInitConfig(ctx, first, run.signal);
  for (const phase of ['package', 'container-runtime']) {
    const follower = follow(ctx, first, (step) => run.progress(step));
    const outcome = await runEdgeadm(
      provider,
      first,
      ['init', 'phase', phase, ...initArguments(ctx).slice(1)],
      {
        signal: run.signal,
        onEvent: follower.onEvent,
      },
    );
    if (outcome.exitCode !== 0) throw outcomeError(first, `init phase ${phase}`, outcome);
  }
  run.progress('keep the images for the other nodes');
  await collectGarbage(ctx, first, run);
  await provider.exec(first, ['systemctl', 'stop', 'containerd.service'], { signal: run.signal });
  try {
    await seedImages(tools, others, await keepImages(tools, first, nodePackage.digest));
  } finally {
    await provider.exec(first, ['systemctl', 'start', 'containerd.service']);
  }
}

/**
 * What the import left unreferenced goes now: with the seed it would look as if it had been on the node before, and as if
 * somebody had removed it. Deleting a lease with --sync is how ctr asks for a collection and waits for it.
 */
async function collectGarbage(
  { provider }: CreateContext,
  node: string,
  { signal }: PhaseRun,
): Promise<void> {
  const leases = ['ctr', '--namespace', 'k8s.io', 'leases'] as const;
  await provider.exec(node, [...leases, 'create', '--id', 'edgeadm-seed'], { signal });
  await provider.exec(node, [...leases, 'delete', '--sync', 'edgeadm-seed'], { signal });
}

/** Names of the nodes that this run has made. */
function newNodes({ nodes = [], existing }: CreateContext): string[] {
  const before = new Set(existing?.nodes.map(({ name }) => name));
  return nodes.map(({ name }) => name).filter((name) => !before.has(name));
}

/** Whether containerd and its images are where and what the package makes them. */
function importsAsUsual({ documents }: CreateContext): boolean {
  const edge = findDocument(documents, 'EdgeConfiguration');
  const cluster = findDocument(documents, 'ClusterConfiguration');
  return textAt(edge, 'runtime.dataRoot') === undefined && textAt(cluster, 'imageRepository') === undefined;
}
