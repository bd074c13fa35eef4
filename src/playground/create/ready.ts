import { EdgeadmError } from '../../errors.ts';
import { paths } from '../../host/paths.ts';
import type { KubeClient, KubeObject } from '../../kube/types.ts';
import type { Phase } from '../../workflow/phase.ts';
import { waitForDns } from '../dns.ts';
import { readNodeFile } from '../node-files.ts';
import { type CreateContext, set } from './context.ts';

const readyTimeoutMs = 300_000;
const pollMs = 250;

interface Node extends KubeObject {
  status?: { conditions?: { type: string; status: string; reason?: string; message?: string }[] };
}

export const readyPhase: Phase<CreateContext> = {
  name: 'ready',
  short: 'Wait until all nodes are Ready and DNS answers on each',
  skip: (ctx) => (ctx.options.bare ? 'the nodes stay bare' : undefined),
  async run(ctx, run) {
    const nodes = set(ctx.nodes, 'the nodes');
    const [first] = nodes;
    const kubeconfig = await readNodeFile(
      ctx.provider,
      set(first, 'a node').name,
      paths.adminConf,
      run.signal,
    );
    const { connect } = await import('../../kube/client.ts');
    const kube = await connect({ kubeconfig });
    const names = nodes.map(({ name }) => name);
    const signal = AbortSignal.any([run.signal, AbortSignal.timeout(readyTimeoutMs)]);
    await Promise.all([
      waitNodesReady(kube, names, signal, (ready) =>
        run.progress('nodes Ready', { done: ready, total: names.length, unit: 'items' }),
      ).catch((error) => {
        throw run.signal.aborted ? run.signal.reason : error;
      }),
      waitForDns(ctx.provider, kube, names, { signal, timeoutMs: readyTimeoutMs }),
    ]);
    return false;
  },
};

/** Polls until all named nodes are Ready. Errors: E_ROLLOUT with the conditions of those that are not. */
async function waitNodesReady(
  kube: KubeClient,
  names: readonly string[],
  signal: AbortSignal,
  onProgress: (ready: number) => void,
): Promise<void> {
  let reported = -1;
  for (;;) {
    const { items } = await kube.request<{ items: Node[] }>('GET', '/api/v1/nodes?resourceVersion=0');
    const conditions = new Map(
      items.map(({ metadata, status }) => [
        metadata.name,
        status?.conditions?.find(({ type }) => type === 'Ready') ?? undefined,
      ]),
    );
    const late = names.filter((name) => conditions.get(name)?.status !== 'True');
    if (names.length - late.length !== reported) {
      reported = names.length - late.length;
      onProgress(reported);
    }
    if (late.length === 0) return;
    if (signal.aborted) {
      throw new EdgeadmError('E_ROLLOUT', `nodes did not become Ready: ${late.join(', ')}`, {
        details: late.map((name) => {
          const condition = conditions.get(name);
          return `${name}: ${condition ? `${condition.reason}: ${condition.message}` : 'is not in the cluster'}`;
        }),
        hint: `Look at one: edgeadm playground exec ${late[0]} -- journalctl -u kubelet --no-pager -n 50`,
      });
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
