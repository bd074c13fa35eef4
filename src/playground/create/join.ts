import { renderDocuments } from '../../config/documents.ts';
import type { Phase, PhaseRun } from '../../workflow/phase.ts';
import { joinConfig } from '../cluster-config.ts';
import { outcomeError, runEdgeadm } from '../edgeadm.ts';
import { writeNodeFile } from '../node-files.ts';
import { packagePathInNode } from '../node-package.ts';
import type { NodePlan } from '../types.ts';
import { type CreateContext, set } from './context.ts';
import { follow } from './follow.ts';
import { configFile } from './init.ts';

export const joinPhase: Phase<CreateContext> = {
  name: 'join',
  short: 'Run `edgeadm join` on the other nodes',
  skip(ctx) {
    if (ctx.options.bare) return 'the nodes stay bare';
    const { controlPlanes, workers, edges } = ctx.options;
    return controlPlanes + workers + edges === 1 ? 'there is only one node' : undefined;
  },
  async run(ctx, run) {
    const others = set(ctx.nodes, 'the nodes').slice(1);
    const steps = new Map<string, string>();
    let joined = 0;
    const report = (): void => {
      const step = [...steps].map(([node, at]) => `${node} ${at}`).join(', ');
      run.progress(step || 'join', { done: joined, total: others.length, unit: 'items' });
    };
    const join = async (node: NodePlan): Promise<boolean> => {
      const changed = await joinNode(ctx, node, run.signal, (step) => {
        steps.set(node.short, step);
        report();
      });
      steps.delete(node.short);
      joined += 1;
      report();
      return changed;
    };
    // etcd takes one new member at a time; workers and edge nodes join beside.
    const inTurn = async (nodes: readonly NodePlan[]): Promise<boolean[]> => {
      const changed: boolean[] = [];
      for (const node of nodes) changed.push(await join(node));
      return changed;
    };
    const controlPlanes = others.filter(({ role }) => role === 'control-plane');
    const rest = others.filter(({ role }) => role !== 'control-plane');
    const changed = await allOrFirstError(run, [
      inTurn(controlPlanes),
      ...rest.map(async (node) => [await join(node)]),
    ]);
    return changed.flat().some(Boolean);
  },
};

async function joinNode(
  ctx: CreateContext,
  node: NodePlan,
  signal: AbortSignal,
  progress: (step: string) => void,
): Promise<boolean> {
  const facts = set(ctx.join, 'how to join');
  const documents = joinConfig(ctx.documents, facts, {
    controlPlane: node.role === 'control-plane',
    address: node.address,
  });
  await writeNodeFile(ctx.provider, node.name, configFile, renderDocuments(documents), { signal });
  const args = [
    'join',
    '--config',
    configFile,
    '--install-pkg-path',
    packagePathInNode(set(ctx.nodePackage, 'the package')),
  ];
  if (node.role !== 'edge') args.push('--enable-edge=false');
  const follower = follow(ctx, node.name, progress);
  const outcome = await runEdgeadm(ctx.provider, node.name, args, { signal, onEvent: follower.onEvent });
  ctx.timings[node.name] = follower.seconds;
  if (outcome.exitCode !== 0) throw outcomeError(node.name, 'join', outcome);
  return follower.changed();
}

/** Waits for all, so that no join is left running behind the error of another. */
async function allOrFirstError<T>(run: PhaseRun, work: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(work);
  const failed = settled.filter((each) => each.status === 'rejected');
  for (const { reason } of failed.slice(1)) {
    run.emit({ type: 'warning', message: reason instanceof Error ? reason.message : String(reason) });
  }
  if (failed[0]) throw failed[0].reason;
  return settled.map((each) => (each as PromiseFulfilledResult<T>).value);
}
