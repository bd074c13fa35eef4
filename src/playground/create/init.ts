import { parseDocuments, renderDocuments } from '../../config/documents.ts';
import { EdgeadmError } from '../../errors.ts';
import { paths } from '../../host/paths.ts';
import type { Phase } from '../../workflow/phase.ts';
import { initConfig, type JoinFacts, type JoinSecrets, joinFactsOf } from '../cluster-config.ts';
import { outcomeError, runEdgeadm } from '../edgeadm.ts';
import { readNodeFile, writeNodeFile } from '../node-files.ts';
import { packagePathInNode } from '../node-package.ts';
import { joinSecrets } from '../secrets.ts';
import { type CreateContext, configFile, set } from './context.ts';
import { follow } from './follow.ts';
import { prepareJoins, startJoins } from './joins.ts';

export const initPhase: Phase<CreateContext> = {
  name: 'init',
  short: 'Run `edgeadm init` on the first control plane',
  skip: (ctx) => (ctx.options.bare ? 'the nodes stay bare' : undefined),
  async run(ctx, run) {
    const { provider } = ctx;
    const { signal } = run;
    const { name } = set(set(ctx.nodes, 'the nodes')[0], 'the first control plane');
    await writeInitConfig(ctx, name, signal);
    const follower = follow(ctx, name, (step) => run.progress(step));
    let early: Promise<void> | undefined;
    const outcome = await runEdgeadm(provider, name, initArguments(ctx), {
      signal,
      onEvent(event) {
        follower.onEvent(event);
        if (event.type === 'phase-start' && event.phase === 'kubeadm')
          ctx.prepared = prepareJoins(ctx, signal);
        if (event.type === 'phase-done' && event.phase === 'kubeadm') early = joinEarly(ctx, name, signal);
      },
    });
    ctx.timings[name] = follower.seconds;
    await early;
    await Promise.all(ctx.prepared?.values() ?? []);
    if (outcome.exitCode !== 0) {
      ctx.joins?.abort();
      await ctx.joins?.done;
      throw outcomeError(name, 'init', outcome);
    }
    ctx.join = readJoinFacts(outcome.result?.data);
    return follower.changed();
  },
};

/**
 * Lets the other nodes join as soon as kubeadm is done, while init still waits for the network. When the facts for it
 * are not to be had, they join after init, which tells them.
 */
async function joinEarly(ctx: CreateContext, node: string, signal: AbortSignal): Promise<void> {
  try {
    const { caCertHash } = await import('../../kube/pki.ts');
    const ca = await readNodeFile(ctx.provider, node, `${paths.pki}/ca.crt`, signal);
    const facts = joinFactsOf(set(ctx.initDocuments, 'the documents of init'), caCertHash(ca), {
      address: set(ctx.nodes?.[0], 'the first control plane').address,
      controlPlanes: ctx.options.controlPlanes,
    });
    if (facts) ctx.joins = startJoins(ctx, facts, signal);
  } catch (error) {
    ctx.emit({ type: 'log', level: 1, message: `nodes join after init: ${String(error)}` });
  }
}

/** Puts the configuration of the cluster to be into the first control plane, unless this run has done so. */
export async function writeInitConfig(ctx: CreateContext, node: string, signal: AbortSignal): Promise<void> {
  if (ctx.initDocuments) return;
  const plan = ctx.nodes?.find(({ name }) => name === node);
  const documents = initConfig(
    ctx.documents,
    {
      subnet: set(ctx.subnet, 'the subnet'),
      controlPlanes: ctx.options.controlPlanes,
      address: set(plan, `node ${node}`).address,
    },
    await secretsOf(ctx, node, signal),
  );
  await writeNodeFile(ctx.provider, node, configFile, renderDocuments(documents), { signal });
  ctx.initDocuments = documents;
}

/** Those of the run that began this playground, since a cluster may be made with them already; else new ones. */
async function secretsOf(ctx: CreateContext, node: string, signal: AbortSignal): Promise<JoinSecrets> {
  const fresh = joinSecrets();
  if (!ctx.existing) return fresh;
  const before = await readNodeFile(ctx.provider, node, configFile, signal).catch(() => undefined);
  if (before === undefined) return fresh;
  const facts = joinFactsOf(parseDocuments({ text: before, path: configFile }), '', {
    address: '',
    controlPlanes: 3,
  });
  return {
    ...fresh,
    ...(facts && { token: facts.token }),
    ...(facts?.certificateKey && { certificateKey: facts.certificateKey }),
  };
}

/** The command line of init, its name first. */
export function initArguments(ctx: CreateContext): string[] {
  const location = packagePathInNode(set(ctx.nodePackage, 'the package'));
  const args = ['init', '--config', configFile, '--install-pkg-path', location];
  return ctx.options.controlPlanes > 1 ? [...args, '--upload-certs'] : args;
}

/** Errors: E_PLAYGROUND when the program in the package is another edgeadm than this one expects. */
function readJoinFacts(data: Record<string, unknown> | undefined): JoinFacts {
  const join = data?.join as Partial<JoinFacts> | undefined;
  const { endpoint, token, caCertHash, certificateKey } = join ?? {};
  if (!endpoint || !token || !caCertHash) {
    throw new EdgeadmError('E_PLAYGROUND', 'edgeadm init said nothing about how nodes join', {
      hint: 'Is the package from another version of edgeadm? Leave out --package to build one.',
    });
  }
  return { endpoint, token, caCertHash, ...(certificateKey && { certificateKey }) };
}
