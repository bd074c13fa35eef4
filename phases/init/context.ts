import { randomBytes, randomInt } from 'node:crypto';
import type { InitSettings, MachineFacts } from '../../src/config/types.ts';
import type { JournaledHost } from '../../src/host/host.ts';
import { paths } from '../../src/host/paths.ts';
import type { ObjectRef } from '../../src/kube/types.ts';
import type { OpenOptions } from '../../src/package/types.ts';
import type { Emit } from '../../src/workflow/events.ts';
import type { LazyClient, NodeContext, PackageAccess } from '../context.ts';
import { packageAccess } from '../node/package-access.ts';
import { toleratesSwap } from '../node/swap.ts';

export interface InitContext extends NodeContext {
  command: 'init';
  settings: InitSettings;
  /** The token and certificate key of this run: the user's, or made here so that they can be shown at the end. */
  token: string;
  certificateKey: string | undefined;
  kube: LazyClient;
  /** Workloads that were applied and are waited for together at the end of a run; undefined: each phase waits for its own. */
  rollouts?: ObjectRef[];
  /** Filled by show-join-command; becomes `data` of the result event. */
  result: Record<string, unknown>;
}

export interface ContextOptions {
  host: JournaledHost;
  emit: Emit;
  signal: AbortSignal;
  machine: MachineFacts;
  packageOptions?: OpenOptions;
  /** Of another context of this run, so that it is opened once. */
  package?: PackageAccess;
}

/** Context of `edgeadm init` and its phases. Touches nothing. */
export function createInitContext(settings: InitSettings, options: ContextOptions): InitContext {
  const { host, emit, signal, machine } = options;
  const { path } = settings.edge.package;
  const access = options.package ?? packageAccess(host, path, { emit, signal, ...options.packageOptions });
  let client: ReturnType<LazyClient> | undefined;
  const ctx: InitContext = {
    command: 'init',
    settings,
    host,
    emit,
    signal,
    machine,
    edge: settings.edge,
    role: 'control-plane',
    nodeName: settings.nodeName,
    criSocket: settings.criSocket,
    podSubnet: settings.podSubnet,
    toleratesSwap: toleratesSwap(settings),
    imageRepository: settings.imageRepository,
    controlPlaneEndpoint: settings.controlPlaneEndpoint,
    manifestsDir: settings.manifestsDir,
    ignorePreflightErrors: settings.ignorePreflightErrors,
    skipPhases: settings.skipPhases,
    package: access,
    token: settings.token ?? newToken(),
    certificateKey:
      settings.certificateKey ?? (settings.uploadCerts ? randomBytes(32).toString('hex') : undefined),
    kube: () => {
      client ??= import('../../src/kube/client.ts').then(({ connect }) =>
        connect({ kubeconfigPath: paths.adminConf }),
      );
      return client;
    },
    async preflight() {
      const { initChecks, runChecks } = await import('../checks/index.ts');
      await runChecks(initChecks, host, settings, {
        ignore: settings.ignorePreflightErrors,
        emit,
        signal,
        package: await access.manifest(),
      });
    },
    result: {},
  };
  return ctx;
}

/** A bootstrap token as kubeadm writes them: `[a-z0-9]{6}.[a-z0-9]{16}`. */
function newToken(): string {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';
  const word = (length: number) =>
    Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
  return `${word(6)}.${word(16)}`;
}
