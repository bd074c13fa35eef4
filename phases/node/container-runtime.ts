import { join } from 'node:path';
import { EdgeadmError } from '../../src/errors.ts';
import { paths } from '../../src/host/paths.ts';
import type { Phase } from '../../src/workflow/phase.ts';
import { foreignContainerd, unusable, unusableFix } from '../checks/runtime.ts';
import type { NodeContext } from '../context.ts';
import { containerdConfig, containerdUnit, mirrorConfig } from './containerd-config.ts';
import { importImages } from './images.ts';

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
    for (const tree of dataTrees) done.push(await host.claimTree(tree));
    // The folder is everybody's; only what our own network writes into it is ours to remove.
    done.push(await host.makeDirectory(paths.cniConfig));
    done.push(await host.claimTree(join(paths.cniConfig, '10-flannel.conflist'), { content: true }));
    done.push(await host.claimNetwork());

    if (root) {
      run.progress('CNI plugins');
      done.push(await installFolder(ctx, join(root, 'cni'), paths.cniBin));
    }
    const ours = !ctx.edge.runtime.ignore && !(await usesForeign(ctx));
    if (ours) {
      run.progress('containerd');
      done.push(await installContainerd(ctx, root));
    }
    if (root) done.push(await importImages(ctx, root, run));
    return done.some(Boolean);
  },
};

async function installFolder(ctx: NodeContext, source: string, target: string): Promise<boolean> {
  const { readdir } = await import('node:fs/promises');
  let changed = false;
  for (const name of (await readdir(source)).sort()) {
    changed =
      (await ctx.host.installFile(join(source, name), join(target, name), { mode: 0o755 })) || changed;
  }
  return changed;
}

async function installContainerd(ctx: NodeContext, root: string | undefined): Promise<boolean> {
  const { host } = ctx;
  const done: boolean[] = [];
  if (root) {
    for (const program of runtimePrograms) {
      done.push(
        await host.installFile(join(root, 'bin', program), join(paths.bin, program), { mode: 0o755 }),
      );
    }
    done.push(await host.installFile(join(root, 'bin/runc'), join(paths.sbin, 'runc'), { mode: 0o755 }));
  }
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
