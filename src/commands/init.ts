import { createInitContext, type InitContext } from '../../phases/init/context.ts';
import { initPhases } from '../../phases/init/index.ts';
import { initFlags, initPhaseFlags } from '../config/flags/init.ts';
import type { Host } from '../host/host.ts';
import { paths } from '../host/paths.ts';
import { runPhases } from '../workflow/run.ts';
import { select } from '../workflow/select.ts';
import { phaseCommand, phaseSections } from './phases.ts';
import { requireRoot } from './privilege.ts';
import type { Call, CommandSpec, Outcome } from './spec.ts';
import { commandLine, loadConfig, packageOptions } from './workflow.ts';

export function initCommand(): CommandSpec {
  return {
    name: 'init',
    short: 'Set up the first control-plane node of a cluster',
    long: 'Sets up the first control-plane node: prepares the host, runs the unmodified kubeadm, installs the network and the edge components. Nothing on the host changes before all checks have passed. A run that was interrupted goes on when the same command is given again.',
    examples: [
      '# A cluster from an install package, for edge nodes',
      'edgeadm init --install-pkg-path edgeadm-package.tar',
      '# The same without the edge components, with own networks',
      'edgeadm init --install-pkg-path edgeadm-package.tar --enable-edge=false --pod-network-cidr 10.10.0.0/16',
      '# A control plane of several nodes behind a virtual IP',
      'edgeadm init --install-pkg-path edgeadm-package.tar --control-plane-endpoint 10.0.0.100 --upload-certs',
      "# From kubeadm's configuration file; what would be done",
      'edgeadm init --config cluster.yaml --dry-run',
    ].join('\n'),
    sections: phaseSections('init', initPhases),
    flags: initFlags,
    commands: [phaseCommand('init', initPhases, initPhaseFlags, runInit)],
    run: (call) => runInit(call, undefined),
  };
}

async function runInit(call: Call, only: string | undefined): Promise<Outcome> {
  requireRoot(call);
  const { emit, signal } = call;
  const [{ machineFacts }, { resolveInit }, { openHost }] = await Promise.all([
    import('../host/machine.ts'),
    import('../config/init.ts'),
    import('../host/open.ts'),
  ]);
  const machine = await machineFacts();
  const settings = resolveInit({ flags: call.flags, ...(await loadConfig(call)), machine });
  const selected = select(initPhases, { only: only === undefined ? [] : [only], skip: settings.skipPhases });
  const options = {
    emit,
    signal,
    machine,
    packageOptions: await packageOptions(settings.edge.package.publicKeyFile),
  };
  const host = await openHost({ emit, dryRun: settings.dryRun, command: commandLine(call, initPhaseFlags) });
  try {
    const ctx = await withVersion(createInitContext(settings, { host, ...options }), options);
    const { ran, skipped } = await runPhases(selected, ctx, { command: call.command, emit, signal });
    return { data: { dryRun: settings.dryRun, phases: ran, skipped, ...ctx.result } };
  } finally {
    await host.close();
  }
}

/** The package decides on the version of Kubernetes; for a phase that runs without one, the kubeadm on the host does. */
async function withVersion(
  ctx: InitContext,
  options: Omit<Parameters<typeof createInitContext>[1], 'host'>,
): Promise<InitContext> {
  const version =
    ctx.package.location === undefined
      ? (ctx.settings.kubernetesVersion ?? (await kubeadmVersion(ctx.host, options.signal)))
      : (await ctx.package.open()).manifest.kubernetesVersion;
  if (version === undefined) return ctx;
  const { withPackageVersion } = await import('../config/init.ts');
  const settings = withPackageVersion(ctx.settings, version);
  return { ...createInitContext(settings, { host: ctx.host, ...options }), package: ctx.package };
}

async function kubeadmVersion(host: Host, signal: AbortSignal): Promise<string | undefined> {
  const file = `${paths.bin}/kubeadm`;
  if (!(await host.stat(file))) return undefined;
  return (await host.query({ file, args: ['version', '-o', 'short'], signal })).stdout.trim();
}
