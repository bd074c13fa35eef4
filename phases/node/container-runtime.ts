import { join } from 'node:path';
import { EdgeadmError } from '../../src/errors.ts';
import { paths } from '../../src/host/paths.ts';
import type { Phase, PhaseRun } from '../../src/workflow/phase.ts';
import type { NodeContext } from '../context.ts';

const runtimePrograms = ['containerd', 'containerd-shim-runc-v2', 'ctr'] as const;

/** Directories that containerd, the kubelet and CNI plugins fill by themselves; reset empties them of what was added. */
const dataTrees = [
  '/var/lib/containerd',
  '/run/containerd',
  '/run/nri',
  '/var/lib/cni',
  '/opt/containerd',
  '/var/log/containers',
  '/var/log/pods',
] as const;

/** Installs containerd, runc and the CNI plugins, or takes the containerd that is there, and imports the images. */
export const containerRuntimePhase: Phase<NodeContext> = {
  name: 'container-runtime',
  aliases: ['container'],
  short: 'Install containerd, runc and CNI plugins; import and pin the images',
  example: 'edgeadm init phase container-runtime --install-pkg-path ./edgeadm-v1.36.3-linux-amd64.tar.zst',
  async requires(ctx) {
    if (ctx.host.dryRun || (await ctx.package.root())) return undefined;
    return {
      reason: 'the install package is not unpacked on this host',
      hint: `Run \`edgeadm ${ctx.command} phase package --install-pkg-path FILE\` first.`,
    };
  },
  async run(ctx, run) {
    const { host } = ctx;
    const root = await ctx.package.root();
    const done: boolean[] = [];
    // Claims come first, so that they are undone last: after the units that fill these directories were stopped.
    const { dataRoot } = ctx.edge.runtime;
    for (const tree of new Set([...dataTrees, dataRoot])) done.push(await host.claimTree(tree));
    // The folder is everybody's; only what our own network writes into it is ours to remove.
    done.push(await host.makeDirectory(paths.cniConfig));
    done.push(await host.claimTree(join(paths.cniConfig, '10-flannel.conflist'), { content: true }));
    done.push(await host.claimNetwork());

    if (root) {
      run.progress('CNI plugins');
      done.push(await installFolder(ctx, root, 'cni', paths.cniBin));
    }
    const ours = !ctx.edge.runtime.ignore && !(await usesForeign(ctx));
    if (ours) {
      run.progress('containerd');
      done.push(await installContainerd(ctx, root));
    }
    if (root) {
      const { importImages } = await import('./images.ts');
      done.push(await importImages(ctx, root, ours ? dataRoot : undefined, run));
      await settle(ctx, [root, dataRoot], run);
    }
    return done.some(Boolean);
  },
};

/** Waits once, before kubeadm starts anything from them, until package and images are on the disk. */
async function settle(ctx: NodeContext, written: readonly string[], run: PhaseRun): Promise<void> {
  const { host } = ctx;
  const [{ imagesAreOnDisk, unsyncedImages }, { recallUnpacked, unpackedIsOnDisk }, { syncFileSystems }] =
    await Promise.all([import('./images.ts'), import('./unpacked.ts'), import('./durable.ts')]);
  if (host.dryRun || (recallUnpacked(host)?.boot === undefined && !unsyncedImages(host))) return;
  run.progress('write to the disk');
  const there = await Promise.all(written.map(async (path) => ((await host.stat(path)) ? [path] : [])));
  await syncFileSystems(host, there.flat(), run.signal);
  await unpackedIsOnDisk(host);
  await imagesAreOnDisk(host);
}

async function installFolder(
  ctx: NodeContext,
  root: string,
  folder: string,
  target: string,
): Promise<boolean> {
  const [{ readdir }, { packageSums }] = await Promise.all([
    import('node:fs/promises'),
    import('./package-sums.ts'),
  ]);
  const sums = await packageSums(root);
  let changed = false;
  for (const name of (await readdir(join(root, folder))).sort()) {
    const from = join(root, folder, name);
    changed =
      (await ctx.host.installFile(from, join(target, name), { mode: 0o755, ...sums(from) })) || changed;
  }
  return changed;
}

async function installContainerd(ctx: NodeContext, root: string | undefined): Promise<boolean> {
  const { host } = ctx;
  const done: boolean[] = [];
  if (root) {
    const { packageSums } = await import('./package-sums.ts');
    const sums = await packageSums(root);
    for (const program of [...runtimePrograms, 'runc']) {
      const from = join(root, 'bin', program);
      const to = join(program === 'runc' ? paths.sbin : paths.bin, program);
      done.push(await host.installFile(from, to, { mode: 0o755, ...sums(from) }));
    }
  }
  const { containerdConfig, containerdUnit, mirrorConfig } = await import('./containerd-config.ts');
  const pause = (await ctx.package.images()).find(({ name }) => /\/pause:/.test(name))?.name;
  const { config, unit } = {
    config: await containerdConfig(ctx, pause),
    unit: containerdUnit(ctx.machine.canLowerOomScore),
  };
  const configChanged = await host.writeFile(paths.containerdConfig, config);
  const unitChanged = await host.writeFile(join(paths.units, 'containerd.service'), unit);
  for (const [registry, mirrors] of Object.entries(ctx.edge.images.mirrors)) {
    const file = join(paths.containerdHosts, registry, 'hosts.toml');
    done.push(await host.writeFile(file, await mirrorConfig(registry, mirrors)));
  }
  done.push(
    configChanged,
    unitChanged,
    await host.enableUnit('containerd.service', { start: true, restart: configChanged || unitChanged }),
  );
  return done.some(Boolean);
}

/** A containerd that somebody else runs here is used as it is when it can serve Kubernetes, never changed. */
async function usesForeign({ host, signal }: NodeContext): Promise<boolean> {
  const { foreignContainerd, unusable, unusableFix } = await import('../checks/runtime.ts');
  const foreign = await foreignContainerd(host, signal);
  if (!foreign) {
    await host.remember('containerd', 'ours');
    return false;
  }
  if (foreign.problems.length > 0) {
    throw new EdgeadmError('E_PHASE_STATE', unusable(foreign), { hint: unusableFix });
  }
  return true;
}
