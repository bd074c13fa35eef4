import { EdgeadmError } from '../errors.ts';
import type { Timings } from '../playground/create/context.ts';
import type { Provider } from '../playground/provider.ts';
import type { Playground, PlaygroundNode } from '../playground/types.ts';
import type { Emit } from '../workflow/events.ts';

/** What every command here gets beside its options. */
export interface PlaygroundRun {
  emit: Emit;
  signal: AbortSignal;
}

export interface PlaygroundCreateOptions {
  /** Default `playground`. */
  name?: string;
  /** Default 1. */
  controlPlanes?: number;
  /** Default 0. */
  workers?: number;
  /** Default 2. */
  edges?: number;
  /** Groups that the edge nodes are dealt to in turn; default 1. */
  sites?: number;
  /** Only boot nodes. */
  bare?: boolean;
  /** `v1.36.3` or `v1.36`. */
  kubernetesVersion?: string;
  /** Package file or folder; without it one is built. */
  package?: string;
  /** Path of a file with kubeadm's documents and EdgeConfiguration. */
  config?: string;
}

export interface PlaygroundSelection {
  /** Default: the only one there is, or the one named `playground`. */
  name?: string;
}

/** Makes nodes and, unless `bare`, a cluster on them. `text` says what to type next. */
export async function playgroundCreate(
  options: PlaygroundCreateOptions,
  run: PlaygroundRun,
): Promise<{ playground: Playground; packagePath: string; timings: Timings; text: string }> {
  const [{ createPlayground }, { thisMachine }, { defaultName }, { cacheDirectory }, { nextSteps }] =
    await Promise.all([
      import('../playground/create/create.ts'),
      import('../playground/machine.ts'),
      import('../playground/names.ts'),
      import('../package/sources/cache.ts'),
      import('../playground/next-steps.ts'),
    ]);
  const created = await createPlayground(
    {
      options: {
        name: options.name ?? defaultName,
        controlPlanes: options.controlPlanes ?? 1,
        workers: options.workers ?? 0,
        edges: options.edges ?? 2,
        sites: options.sites ?? 1,
        bare: options.bare ?? false,
        kubernetesVersion: options.kubernetesVersion,
        packagePath: options.package,
      },
      documents: await readDocuments(options.config),
      machine: await thisMachine(run.emit),
      provider: await openProvider(run.emit),
      emit: run.emit,
      cacheDirectory: cacheDirectory(),
      buildPackage,
      existing: undefined,
      timings: {},
      warned: new Set(),
    },
    run,
  );
  return { ...created, text: nextSteps(created.playground) };
}

/** All playgrounds with their nodes. */
export async function playgroundList(
  run: PlaygroundRun,
): Promise<{ playgrounds: Playground[]; text: string }> {
  const [{ listPlaygrounds }, { formatList }] = await Promise.all([
    import('../playground/list.ts'),
    import('../playground/next-steps.ts'),
  ]);
  const playgrounds = await listPlaygrounds(await openProvider(run.emit));
  return { playgrounds, text: formatList(playgrounds) };
}

/** Runs a program (default: a shell) in a node on this process' own standard streams. */
export async function playgroundExec(
  node: string,
  command: readonly string[],
  options: PlaygroundSelection,
  run: PlaygroundRun,
): Promise<{ exitCode: number }> {
  const { provider, found } = await openRunningNode(node, options, run);
  const [program = 'bash', ...args] = command.length > 0 ? command : ['bash', '--login'];
  return { exitCode: await provider.attach(found.name, [program, ...args], { signal: run.signal }) };
}

/** Runs kubectl as administrator of the playground's cluster. */
export async function playgroundKubectl(
  args: readonly string[],
  options: PlaygroundSelection,
  run: PlaygroundRun,
): Promise<{ exitCode: number }> {
  const { provider, playground } = await openPlayground(options, run);
  const { runKubectl } = await import('../playground/kubectl.ts');
  return { exitCode: await runKubectl(provider, playground, args, run) };
}

/** Puts an image (archive file, or image of this machine's podman) on all nodes. */
export async function playgroundLoad(
  source: string,
  options: PlaygroundSelection,
  run: PlaygroundRun,
): Promise<{ images: string[]; nodes: string[] }> {
  const { provider, playground } = await openPlayground(options, run);
  const { loadImages } = await import('../playground/load.ts');
  const images = await loadImages(provider, playground, source, {
    signal: run.signal,
    progress: (step, amount) => run.emit({ type: 'progress', step, ...amount }),
  });
  return {
    images,
    nodes: playground.nodes.filter(({ state }) => state === 'running').map(({ name }) => name),
  };
}

/** Cuts a node off from everything but its own site, until `connect`; a reboot does not mend it. */
export async function playgroundDisconnect(
  node: string,
  options: PlaygroundSelection,
  run: PlaygroundRun,
): Promise<{ node: string; reachable: string[] }> {
  const { provider, playground, found } = await openRunningNode(node, options, run);
  const { disconnect, neighbours } = await import('../playground/link.ts');
  await disconnect(provider, playground, found);
  return { node: found.name, reachable: neighbours(playground, found).map(({ name }) => name) };
}

export async function playgroundConnect(
  node: string,
  options: PlaygroundSelection,
  run: PlaygroundRun,
): Promise<{ node: string; changed: boolean }> {
  const { provider, found } = await openRunningNode(node, options, run);
  const { reconnect } = await import('../playground/link.ts');
  await reconnect(provider, found);
  return { node: found.name, changed: found.disconnected };
}

/** Shuts a node down and boots it, or cuts its power and boots it; returns when systemd is up again. */
export async function playgroundReboot(
  node: string,
  options: PlaygroundSelection & { powerCut?: boolean },
  run: PlaygroundRun,
): Promise<{ node: string; seconds: number }> {
  const { provider, found } = await openNode(node, options, run);
  const { waitBooted } = await import('../playground/boot.ts');
  const started = performance.now();
  run.emit({ type: 'progress', step: `reboot ${found.name}` });
  await provider.rebootNode(found.name, { powerCut: options.powerCut ?? false, signal: run.signal });
  await waitBooted(provider, found.name, { signal: run.signal, allowDegraded: true });
  return { node: found.name, seconds: (performance.now() - started) / 1000 };
}

/** Removes one playground (default: the one named `playground`) or all; returns what was removed. */
export async function playgroundDelete(
  options: PlaygroundSelection & { all?: boolean },
  run: PlaygroundRun,
): Promise<{ removed: { name: string; nodes: string[] }[] }> {
  const provider = await openProvider(run.emit);
  const [{ listPlaygrounds }, { removePlayground }, { defaultName, findPlayground }] = await Promise.all([
    import('../playground/list.ts'),
    import('../playground/remove.ts'),
    import('../playground/names.ts'),
  ]);
  if (options.all && options.name !== undefined) {
    throw new EdgeadmError('E_USAGE', '--all and --name cannot be used together', {
      hint: 'Leave one of them out.',
    });
  }
  const playgrounds = await listPlaygrounds(provider);
  const chosen = options.all ? playgrounds : [findPlayground(playgrounds, options.name ?? defaultName)];
  for (const playground of chosen) {
    run.emit({ type: 'progress', step: `remove playground ${playground.name}` });
    await removePlayground(provider, playground);
  }
  return { removed: chosen.map(({ name, nodes }) => ({ name, nodes: nodes.map((node) => node.name) })) };
}

async function openProvider(emit: Emit): Promise<Provider> {
  return (await import('../playground/podman.ts')).podmanProvider(emit);
}

async function openPlayground(
  { name }: PlaygroundSelection,
  { emit }: PlaygroundRun,
): Promise<{ provider: Provider; playground: Playground }> {
  const provider = await openProvider(emit);
  const [{ listPlaygrounds }, { findPlayground }] = await Promise.all([
    import('../playground/list.ts'),
    import('../playground/names.ts'),
  ]);
  return { provider, playground: findPlayground(await listPlaygrounds(provider), name) };
}

async function openNode(
  node: string,
  { name }: PlaygroundSelection,
  { emit }: PlaygroundRun,
): Promise<{ provider: Provider; playground: Playground; found: PlaygroundNode }> {
  const provider = await openProvider(emit);
  const [{ listPlaygrounds }, { findNode }] = await Promise.all([
    import('../playground/list.ts'),
    import('../playground/names.ts'),
  ]);
  const playgrounds = await listPlaygrounds(provider);
  const found = findNode(playgrounds, node, name);
  return { provider, found, playground: playgrounds.find((each) => each.name === found.playground)! };
}

/** Errors: E_PLAYGROUND also for a node that has no processes. */
export async function openRunningNode(node: string, options: PlaygroundSelection, run: PlaygroundRun) {
  const opened = await openNode(node, options, run);
  const { name, state } = opened.found;
  if (state === 'running') return opened;
  throw new EdgeadmError('E_PLAYGROUND', `node ${name} does not run: it is ${state}`, {
    hint:
      state === 'paused' ? `Run \`podman unpause ${name}\`.` : `Run \`edgeadm playground reboot ${name}\`.`,
  });
}

async function readDocuments(config: string | undefined) {
  if (config === undefined) return [];
  const [{ readConfigFile }, { parseDocuments }] = await Promise.all([
    import('../config/read.ts'),
    import('../config/documents.ts'),
  ]);
  return parseDocuments(await readConfigFile(config));
}

async function buildPackage(
  { kubernetesVersion }: { kubernetesVersion: string | undefined },
  run: PlaygroundRun,
): Promise<{ path: string }> {
  const { packageBuild } = await import('./package.ts');
  return packageBuild({ ...(kubernetesVersion && { kubernetesVersion }) }, run);
}
