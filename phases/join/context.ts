import type { JoinSettings, MachineFacts } from '../../src/config/types.ts';
import type { LazyClient, NodeContext } from '../context.ts';
import type { ContextOptions } from '../init/context.ts';
import { packageAccess } from '../node/package-access.ts';
import { toleratesSwap } from '../node/swap.ts';
import { connectAsNode } from './edge-node.ts';

export interface JoinContext extends NodeContext {
  command: 'join';
  settings: JoinSettings;
  machine: MachineFacts;
  /** A client with the node's own credentials (kubelet.conf). */
  kube: LazyClient;
  result: Record<string, unknown>;
}

/** Context of `edgeadm join` and its phases. Touches nothing. */
export function createJoinContext(settings: JoinSettings, options: ContextOptions): JoinContext {
  const { host, emit, signal, machine } = options;
  const { path } = settings.edge.package;
  const role = settings.controlPlane ? 'control-plane' : settings.edge.enabled ? 'edge' : 'worker';
  const access = packageAccess(host, path, { emit, signal, ...options.packageOptions }, role);
  let client: ReturnType<LazyClient> | undefined;
  return {
    command: 'join',
    settings,
    host,
    emit,
    signal,
    machine,
    edge: settings.edge,
    role,
    nodeName: settings.nodeName,
    criSocket: settings.criSocket,
    podSubnet: undefined,
    toleratesSwap: toleratesSwap(settings),
    imageRepository: undefined,
    controlPlaneEndpoint: settings.endpoint,
    manifestsDir: settings.manifestsDir,
    ignorePreflightErrors: settings.ignorePreflightErrors,
    skipPhases: settings.skipPhases,
    package: access,
    kube: () => {
      client ??= connectAsNode(host);
      return client;
    },
    async preflight() {
      const { joinChecks, runChecks } = await import('../checks/index.ts');
      await runChecks(joinChecks, host, settings, {
        ignore: settings.ignorePreflightErrors,
        emit,
        signal,
        package: await access.manifest(),
      });
    },
    result: {},
  };
}
