import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { paths } from '../../src/host/paths.ts';
import type { Phase } from '../../src/workflow/phase.ts';
import type { NodeContext } from '../context.ts';

const kubernetesPrograms = ['kubeadm', 'kubelet', 'kubectl'] as const;

/** Verifies the install package while it is unpacked, and puts Kubernetes' programs and edgeadm itself in place. */
export const packagePhase: Phase<NodeContext> = {
  name: 'package',
  short: 'Verify and unpack the install package',
  long: 'Checks the size and SHA-256 of every entry (and the signature, with --package-public-key) while unpacking, then installs kubeadm, kubelet and kubectl.',
  example: 'edgeadm init phase package --install-pkg-path ./edgeadm-v1.36.3-linux-amd64.tar.zst',
  async run(ctx, run) {
    const { host } = ctx;
    if (host.dryRun) {
      const opened = await ctx.package.open();
      host.emit({
        type: 'change',
        host: host.name,
        action: 'unpack',
        target: join(paths.packages, opened.digest),
        summary: `${opened.manifest.entries.length} entries of Kubernetes ${opened.manifest.kubernetesVersion} from ${opened.location}`,
        planned: true,
      });
      return true;
    }
    const root = (await ctx.package.root()) ?? (await unpack(ctx, run));
    let changed = false;
    run.progress('install programs');
    for (const program of kubernetesPrograms) {
      changed =
        (await host.installFile(join(root, 'bin', program), join(paths.bin, program), { mode: 0o755 })) ||
        changed;
    }
    return (await installProgram(ctx, root)) || changed;
  },
};

async function unpack(ctx: NodeContext, run: Parameters<NonNullable<Phase<NodeContext>['run']>>[1]) {
  const { unpackPackage } = await import('../../src/package/unpack.ts');
  const opened = await ctx.package.open();
  const root = join(paths.packages, opened.digest);
  await ctx.host.once(`unpack-package:${opened.digest}`, `unpack ${opened.location}`, async () => {
    // Below edgeadm's own state, which reset removes as a whole.
    await mkdir(paths.packages, { recursive: true, mode: 0o700 });
    await unpackPackage(opened, root, {
      signal: run.signal,
      onProgress: (done, total) => run.progress('verify and unpack', { done, total, unit: 'bytes' }),
    });
  });
  await ctx.host.remember('package', { digest: opened.digest, root, location: opened.location });
  return root;
}

/** Installs this program, unless the host already runs it from somewhere of its own. */
async function installProgram(ctx: NodeContext, root: string): Promise<boolean> {
  const launcher = join(paths.bin, 'edgeadm');
  const present = await ctx.host.stat(launcher);
  if (present && ctx.host.recall('program') !== true) return false;
  await ctx.host.remember('program', true);
  const source = join(root, 'edgeadm');
  const { readdir } = await import('node:fs/promises');
  let changed = false;
  for (const entry of await readdir(source, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const from = join(entry.parentPath, entry.name);
    const executable = entry.name === 'node' || entry.name === 'edgeadm';
    const to = join(paths.program, from.slice(source.length + 1));
    changed = (await ctx.host.installFile(from, to, { mode: executable ? 0o755 : 0o644 })) || changed;
  }
  return (await ctx.host.symlink(join(paths.program, 'edgeadm'), launcher)) || changed;
}
