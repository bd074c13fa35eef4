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

/** What `edgeadm join phase prepare` has done. */
const preparedPhases = ['package', 'node-init', 'container-runtime'];

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

/**
 * Lets the nodes but the first do what needs no cluster (package, host, container runtime), while the first makes one and
 * mostly waits. Whatever fails here is done again, and reported, by the join.
 */
export function prepareJoins(ctx: CreateContext, signal: AbortSignal): Map<string, Promise<boolean>> {
  const prepare = async (node: NodePlan): Promise<boolean> => {
    try {
      await writeJoinConfig(ctx, node, {}, signal);
      const follower = follow(ctx, node.name, () => {});
      const outcome = await runEdgeadm(
        ctx.provider,
        node.name,
        joinArguments(ctx, node, ['phase', 'prepare']),
        { signal, onEvent: follower.onEvent },
      );
      ctx.timings[node.name] = follower.seconds;
      return outcome.exitCode === 0;
    } catch (error) {
      ctx.emit({ type: 'log', level: 1, message: `${node.name} is not prepared: ${String(error)}` });
      return false;
    }
  };
  const others = set(ctx.nodes, 'the nodes').slice(1, 1 + joinsAtOnce);
  return new Map(others.map((node) => [node.name, prepare(node)]));
}

async function joinNode(
  ctx: CreateContext,
  node: NodePlan,
  facts: JoinFacts,
  signal: AbortSignal,
  progress: (step: string) => void,
): Promise<boolean> {
  const { name } = node;
  const prepared = await ctx.prepared?.get(name);
  await writeJoinConfig(ctx, node, { facts, ...(prepared && { skipPhases: preparedPhases }) }, signal);
  const follower = follow(ctx, name, progress);
  const outcome = await runEdgeadm(ctx.provider, name, joinArguments(ctx, node), {
    signal,
    onEvent: follower.onEvent,
  });
  ctx.timings[name] = { ...ctx.timings[name], ...follower.seconds };
  if (outcome.exitCode !== 0) throw outcomeError(name, 'join', outcome);
  return follower.changed();
}

async function writeJoinConfig(
  { provider, documents }: CreateContext,
  { name, role, address, site }: NodePlan,
  { facts, skipPhases }: { facts?: JoinFacts; skipPhases?: readonly string[] },
  signal: AbortSignal,
): Promise<void> {
  const config = joinConfig(documents, facts, {
    ...(skipPhases && { skipPhases }),
    controlPlane: role === 'control-plane',
    address,
    ...(role === 'edge' && { site }),
  });
  await writeNodeFile(provider, name, configFile, renderDocuments(config), { signal });
}

function joinArguments(ctx: CreateContext, { role }: NodePlan, phase: readonly string[] = []): string[] {
  const location = packagePathInNode(set(ctx.nodePackage, 'the package'));
  const args = ['join', ...phase, '--config', configFile, '--install-pkg-path', location];
  return role === 'edge' ? args : [...args, '--enable-edge=false'];
}
