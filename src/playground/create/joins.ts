import { availableParallelism } from 'node:os';
import { renderDocuments } from '../../config/documents.ts';
import { type JoinFacts, joinConfig } from '../cluster-config.ts';
import { outcomeError, runEdgeadm } from '../edgeadm.ts';
import { limited } from '../limited.ts';
import { writeNodeFile } from '../node-files.ts';
import { packagePathInNode } from '../node-package.ts';
import type { NodePlan } from '../types.ts';
import { type CreateContext, configFile, set } from './context.ts';
import { follow } from './follow.ts';

/** Nodes that are joining a cluster. */
export interface Joins {
  /** Per node, whether something was changed or why it failed; never rejects. */
  done: Promise<PromiseSettledResult<boolean>[]>;
  /** What each node that is not done is doing, by short name. */
  steps: ReadonlyMap<string, string>;
  joined(): number;
  total: number;
  /** Called at each step; set by who shows the progress. */
  onStep?: () => void;
  /** Ends what still runs. */
  abort(): void;
}

/** More would only wait for each other on a machine of few cores, until their deadlines. */
const joinsAtOnce = Math.max(4, availableParallelism());

/** Begins to join all nodes but the first: control planes in turn, since etcd takes one new member at a time. */
export function startJoins(ctx: CreateContext, facts: JoinFacts, signal: AbortSignal): Joins {
  const others = set(ctx.nodes, 'the nodes').slice(1);
  const abort = new AbortController();
  const both = AbortSignal.any([signal, abort.signal]);
  const steps = new Map<string, string>();
  let joined = 0;
  const join = async (node: NodePlan): Promise<boolean> => {
    const changed = await joinNode(ctx, node, facts, both, (step) => {
      steps.set(node.short, step);
      joins.onStep?.();
    });
    steps.delete(node.short);
    joined += 1;
    joins.onStep?.();
    return changed;
  };
  const settle = async (node: NodePlan): Promise<PromiseSettledResult<boolean>> =>
    (await Promise.allSettled([join(node)]))[0];
  const ofRole = (isControlPlane: boolean): NodePlan[] =>
    others.filter(({ role }) => (role === 'control-plane') === isControlPlane);
  const work = Promise.all([limited(ofRole(true), 1, settle), limited(ofRole(false), joinsAtOnce, settle)]);
  const joins: Joins = {
    done: work.then((results) => results.flat()),
    steps,
    joined: () => joined,
    total: others.length,
    abort: () => abort.abort(),
  };
  return joins;
}

async function joinNode(
  ctx: CreateContext,
  { name, role, address, site }: NodePlan,
  facts: JoinFacts,
  signal: AbortSignal,
  progress: (step: string) => void,
): Promise<boolean> {
  const { provider } = ctx;
  const documents = joinConfig(ctx.documents, facts, {
    controlPlane: role === 'control-plane',
    address,
    ...(role === 'edge' && { site }),
  });
  await writeNodeFile(provider, name, configFile, renderDocuments(documents), { signal });
  const location = packagePathInNode(set(ctx.nodePackage, 'the package'));
  const args = ['join', '--config', configFile, '--install-pkg-path', location];
  if (role !== 'edge') args.push('--enable-edge=false');
  const follower = follow(ctx, name, progress);
  const outcome = await runEdgeadm(provider, name, args, { signal, onEvent: follower.onEvent });
  ctx.timings[name] = follower.seconds;
  if (outcome.exitCode !== 0) throw outcomeError(name, 'join', outcome);
  return follower.changed();
}
