import { localApiServer } from '../../src/config/edge-node.ts';
import { EdgeadmError } from '../../src/errors.ts';
import type { Host } from '../../src/host/host.ts';
import { paths } from '../../src/host/paths.ts';
import type { KubeClient } from '../../src/kube/types.ts';
import type { Unmet } from '../../src/workflow/phase.ts';
import { upstreamServers } from '../node/lite-apiserver.ts';
import type { JoinContext } from './context.ts';

export const notAnEdgeNode = 'not an edge node';

/** For phases that act as the node: this host has joined, and its kubelet has a certificate. */
export async function requiresKubeletCertificate({ host }: JoinContext): Promise<Unmet | undefined> {
  if (host.dryRun) return undefined;
  const needed = [paths.kubeletConf, paths.kubeletClient];
  for (const path of needed) {
    if (await host.stat(path)) continue;
    return {
      reason: `${path} is not there: this host has not joined`,
      hint: 'Run `edgeadm join` first.',
    };
  }
  return undefined;
}

/** URLs of API servers. Once the kubelet uses the node's proxy, only the proxy's configuration says them. Errors: E_EDGE_NODE, E_KUBE_API. */
export async function apiServers(host: Host): Promise<string[]> {
  const { serverOf } = await import('../../src/kube/kubeconfig-server.ts');
  const server = serverOf((await host.readText(paths.kubeletConf)) ?? '', paths.kubeletConf);
  if (server !== localApiServer) return [server];
  const servers = await upstreamServers(host);
  if (servers.length > 0) return servers;
  throw new EdgeadmError(
    'E_EDGE_NODE',
    `${paths.kubeletConf} points at the node's proxy, and ${paths.liteApiserverConfig} does not say where the API server is`,
    { hint: 'Join this node again: `edgeadm reset`, then `edgeadm join`.' },
  );
}

/**
 * A client with the node's own credentials (kubelet.conf) that asks the API server itself, also when the kubelet uses the
 * node's proxy: a join that is run again may have to mend that one. Errors: E_KUBE_API, E_EDGE_NODE.
 */
export async function connectAsNode(host: Host): Promise<KubeClient> {
  const { connect } = await import('../../src/kube/client.ts');
  const text = await host.readText(paths.kubeletConf);
  if (text === undefined) return connect({ kubeconfigPath: paths.kubeletConf });
  const { withServer } = await import('../../src/kube/kubeconfig-server.ts');
  const [server = ''] = await apiServers(host);
  return connect({ kubeconfig: withServer(text, server, paths.kubeletConf) });
}

/** The end of a unit's log, for the details of an error. */
export async function lastLines({ host }: JoinContext, unit: string): Promise<string[]> {
  const args = ['--unit', unit, '--lines', '10', '--no-pager', '--output', 'cat'];
  const { stdout } = await host
    .query({ file: 'journalctl', args, timeoutMs: 10_000 }, { allowFailure: true })
    .catch(() => ({ stdout: '' }));
  return stdout.split('\n').filter(Boolean);
}
