import { renderDocuments } from '../../config/documents.ts';
import { EdgeadmError } from '../../errors.ts';
import type { Phase } from '../../workflow/phase.ts';
import { initConfig, type JoinFacts } from '../cluster-config.ts';
import { outcomeError, runEdgeadm } from '../edgeadm.ts';
import { writeNodeFile } from '../node-files.ts';
import { packagePathInNode } from '../node-package.ts';
import { type CreateContext, set } from './context.ts';
import { follow } from './follow.ts';

export const configFile = '/etc/edgeadm-playground/config.yaml';

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
    const outcome = await runEdgeadm(provider, name, initArguments(ctx), {
      signal,
      onEvent: follower.onEvent,
    });
    ctx.timings[name] = follower.seconds;
    if (outcome.exitCode !== 0) throw outcomeError(name, 'init', outcome);
    ctx.join = readJoinFacts(outcome.result?.data);
    return follower.changed();
  },
};

/** Puts the configuration of the cluster to be into the first control plane. */
export async function writeInitConfig(ctx: CreateContext, node: string, signal: AbortSignal): Promise<void> {
  const plan = ctx.nodes?.find(({ name }) => name === node);
  const documents = initConfig(ctx.documents, {
    subnet: set(ctx.subnet, 'the subnet'),
    controlPlanes: ctx.options.controlPlanes,
    address: set(plan, `node ${node}`).address,
  });
  await writeNodeFile(ctx.provider, node, configFile, renderDocuments(documents), { signal });
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
