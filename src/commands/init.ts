import type { PackageAccess } from '../../phases/context.ts';
import type { InitContext } from '../../phases/init/context.ts';
import { initPhases } from '../../phases/init/index.ts';
import { initFlags, initPhaseFlags } from '../config/flags/init.ts';
import type { InitSettings } from '../config/types.ts';
import { paths } from '../host/paths.ts';
import { phaseCommand, phaseSections } from './phases.ts';
import { requireRoot } from './privilege.ts';
import type { Call, CommandSpec, Outcome } from './spec.ts';
import { loadConfig, packageOptions, runWorkflow } from './workflow.ts';

export function initCommand(): CommandSpec {
  return {
    name: 'init',
    short: 'Set up the first control-plane node of a cluster',
    long: 'Sets up the first control-plane node: prepares the host, runs the unmodified kubeadm, installs the network and the edge components. Nothing on the host changes before all checks have passed. A run that was interrupted goes on when the same command is given again.',
    examples: [
      '# A cluster from an install package, for edge nodes',
      'edgeadm init --install-pkg-path edgeadm.tar.zst',
      '# The same without the edge components, with own networks',
      'edgeadm init --install-pkg-path edgeadm.tar.zst --enable-edge=false --pod-network-cidr 10.10.0.0/16',
      '# A control plane of several nodes behind a virtual IP',
      'edgeadm init --install-pkg-path edgeadm.tar.zst --control-plane-endpoint 10.0.0.100 --upload-certs',
      "# From kubeadm's configuration file; what would be done",
      'edgeadm init --config cluster.yaml --dry-run',
    ].join('\n'),
    sections: phaseSections('init', initPhases),
    flags: initFlags,
    rootfs: 'entered',
    commands: [phaseCommand('init', initPhases, initPhaseFlags, runInit)],
    run: (call) => runInit(call, undefined),
  };
}

async function runInit(call: Call, only: string | undefined): Promise<Outcome> {
  requireRoot(call);
  const { emit, signal } = call;
  const [{ machineFacts }, { resolveInit, withPackageVersion }, { createInitContext }] = await Promise.all([
    import('./machine.ts'),
    import('../config/init.ts'),
    import('../../phases/init/context.ts'),
  ]);
  const machine = await machineFacts();
  const settings = resolveInit({ flags: call.flags, ...(await loadConfig(call)), machine });
  return runWorkflow(call, {
    phases: initPhases,
    only,
    settings,
    flags: initPhaseFlags,
    async context(host) {
      const options = await packageOptions(settings.edge.package.publicKeyFile);
      const create = (final: InitSettings, opened?: PackageAccess): InitContext =>
        createInitContext(final, {
          host,
          emit,
          signal,
          machine,
          packageOptions: options,
          ...(opened && { package: opened }),
        });
      const first = create(settings);
      const version = await kubernetesVersion(first);
      const ctx =
        version === undefined ? first : create(withPackageVersion(settings, version), first.package);
      if (only === undefined && !settings.skipPhases.includes('wait-addons')) ctx.rollouts = [];
      return ctx;
    },
  });
}

/** The package decides on the version of Kubernetes; for a phase that runs without one, the kubeadm on the host does. */
async function kubernetesVersion({ host, settings, ...ctx }: InitContext): Promise<string | undefined> {
  if (ctx.package.location !== undefined) return (await ctx.package.open()).manifest.kubernetesVersion;
  const file = `${paths.bin}/kubeadm`;
  if (settings.kubernetesVersion !== undefined || !(await host.stat(file))) return settings.kubernetesVersion;
  return (await host.query({ file, args: ['version', '-o', 'short'], signal: ctx.signal })).stdout.trim();
}
