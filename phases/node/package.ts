import { join } from 'node:path';
import { paths } from '../../src/host/paths.ts';
import type { Phase, PhaseRun } from '../../src/workflow/phase.ts';
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
    // A package that turns out to be damaged or hostile half-way leaves the host as it was.
    return host.allOrNothing(async () => {
      const root = (await ctx.package.root()) ?? (await unpack(ctx, run));
      run.progress('install programs');
      const { packageSums } = await import('./package-sums.ts');
      const sums = await packageSums(root);
      let changed = false;
      for (const program of kubernetesPrograms) {
        const [from, to] = [join(root, 'bin', program), join(paths.bin, program)];
        changed = (await host.installFile(from, to, { mode: 0o755, ...sums(from) })) || changed;
      }
      return (await installProgram(ctx, root)) || changed;
    });
  },
};

async function unpack(ctx: NodeContext, run: PhaseRun): Promise<string> {
  const { unpackPackage } = await import('../../src/package/unpack.ts');
  const opened = await ctx.package.open();
  const { checkNeeds } = await import('../../src/package/verify.ts');
  const { arch } = ctx.machine;
  checkNeeds(opened.manifest, { arch, binaries: [...kubernetesPrograms], cni: [], images: [] });
  const [{ onlyImages }, { imagesOfRole }, { rememberUnpacked }] = await Promise.all([
    import('../../src/package/needs.ts'),
    import('./role-images.ts'),
    import('./unpacked.ts'),
  ]);
  const { images } = opened.manifest;
  const mine = imagesOfRole(ctx.role, images);
  const partial = mine.length < images.length;
  const names = mine.map(({ name }) => name);
  const root = join(paths.packages, opened.digest);
  // Below edgeadm's own state, which reset removes as a whole.
  const work = () =>
    unpackPackage(opened, root, {
      signal: run.signal,
      ...(partial && { filter: onlyImages(opened.manifest, names) }),
      onProgress: (done, total) => run.progress('verify and unpack', { done, total, unit: 'bytes' }),
    });
  // Unpacked by an earlier run, but not there any more: all but a whole folder is filled again.
  if (!(await ctx.host.once(`unpack-package:${opened.digest}`, `unpack ${opened.location}`, work)))
    await work();
  const { digest, location } = opened;
  await rememberUnpacked(ctx.host, { digest, root, location, ...(partial && { role: ctx.role }) });
  return root;
}

/** Installs this program, unless the host already runs it from somewhere of its own. */
async function installProgram(ctx: NodeContext, root: string): Promise<boolean> {
  const launcher = join(paths.bin, 'edgeadm');
  const present = await ctx.host.stat(launcher);
  if (present && ctx.host.recall('program') !== true) return false;
  await ctx.host.remember('program', true);
  const source = join(root, 'edgeadm');
  const [{ readdir }, { packageSums }] = await Promise.all([
    import('node:fs/promises'),
    import('./package-sums.ts'),
  ]);
  const sums = await packageSums(root);
  let changed = false;
  for (const entry of await readdir(source, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const from = join(entry.parentPath, entry.name);
    const executable = entry.name === 'node' || entry.name === 'edgeadm';
    const to = join(paths.program, from.slice(source.length + 1));
    const mode = executable ? 0o755 : 0o644;
    changed = (await ctx.host.installFile(from, to, { mode, ...sums(from) })) || changed;
  }
  return (await ctx.host.symlink(join(paths.program, 'edgeadm'), launcher)) || changed;
}
