import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { EdgeadmError } from '../errors.ts';
import { paths } from '../host/paths.ts';
import type { ProvidedNode, Provider } from './provider.ts';
import type { Playground } from './types.ts';

/**
 * Runs kubectl as cluster administrator on this process' own standard streams; returns its exit code. It is the node's
 * own kubectl with the node's admin.conf, but started on this machine, so that files, editors and ports are the user's.
 * Errors: E_PLAYGROUND when no control plane runs or none was set up.
 */
export async function runKubectl(
  provider: Provider,
  playground: Playground,
  args: readonly string[],
  { signal }: { signal: AbortSignal },
): Promise<number> {
  const provided = await provider.nodes();
  const running = playground.nodes
    .filter(({ role, state }) => role === 'control-plane' && state === 'running')
    .map(({ name }) => provided.find((node) => node.name === name))
    .filter((node): node is ProvidedNode => node !== undefined);
  for (const node of running) {
    const root = provider.rootOf(node);
    const program = root && join(root, paths.bin, 'kubectl');
    const kubeconfig = root && join(root, paths.adminConf);
    if (!program || !kubeconfig || !(await isFile(program)) || !(await isFile(kubeconfig))) continue;
    const { execa } = await import('execa');
    const noProxy = [process.env.NO_PROXY ?? process.env.no_proxy, playground.subnet]
      .filter(Boolean)
      .join(',');
    const result = await execa(program, args, {
      stdio: 'inherit',
      reject: false,
      cancelSignal: signal,
      env: { KUBECONFIG: kubeconfig, NO_PROXY: noProxy, no_proxy: noProxy },
    });
    if (result.exitCode !== undefined) return result.exitCode;
    if (result.signal === 'SIGINT') return 130;
    throw new EdgeadmError(
      'E_PLAYGROUND',
      `kubectl of node ${node.name} could not be run: ${result.message}`,
      {
        hint: `Run it in the node: edgeadm playground exec ${node.name} -- kubectl --kubeconfig ${paths.adminConf} ${args[0] ?? ''}`,
      },
    );
  }
  const reason = running.length > 0 ? 'has no cluster yet' : 'has no control plane that runs';
  throw new EdgeadmError('E_PLAYGROUND', `playground "${playground.name}" ${reason}`, {
    hint:
      running.length > 0
        ? 'Run `edgeadm init` in its control plane first.'
        : 'See `edgeadm playground list`.',
  });
}

/** A plain file: a link would be followed on this machine instead of in the node. */
const isFile = (path: string): Promise<boolean> =>
  lstat(path).then(
    (facts) => facts.isFile(),
    () => false,
  );
