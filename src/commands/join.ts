import { joinPhases } from '../../phases/join/index.ts';
import { joinFlags } from '../config/flags/join.ts';
import { flatten } from '../workflow/select.ts';
import { phaseCommand, phaseSections } from './phases.ts';
import { requireRoot } from './privilege.ts';
import type { Call, CommandSpec, Outcome } from './spec.ts';
import { loadConfig, packageOptions, runWorkflow } from './workflow.ts';

export function joinCommand(): CommandSpec {
  return {
    name: 'join',
    short: 'Join this machine to a cluster, as an edge node, a worker or a control-plane node',
    long: 'Joins this machine to a cluster: prepares the host and runs the unmodified kubeadm join. With --enable-edge (the default) it becomes an edge node, with --enable-edge=false a worker, with --control-plane a further control-plane node. `edgeadm init` and `edgeadm token create --print-join-command` print the command.',
    examples: [
      '# An edge node',
      'edgeadm join 10.0.0.1:6443 --token TOKEN --discovery-token-ca-cert-hash sha256:HASH --install-pkg-path edgeadm.tar.zst',
      '# A worker of the cloud side',
      'edgeadm join 10.0.0.1:6443 --token TOKEN --discovery-token-ca-cert-hash sha256:HASH --install-pkg-path edgeadm.tar.zst --enable-edge=false',
      '# A further control-plane node',
      'edgeadm join 10.0.0.100:6443 --token TOKEN --discovery-token-ca-cert-hash sha256:HASH --install-pkg-path edgeadm.tar.zst --control-plane --certificate-key KEY',
    ].join('\n'),
    arguments: [{ name: '[host:port]', description: 'where the API server is' }],
    sections: phaseSections('join', joinPhases),
    flags: joinFlags,
    rootfs: 'entered',
    commands: [phaseCommand('join', joinPhases, joinFlags, runJoin)],
    run: (call) => runJoin(call, undefined),
  };
}

async function runJoin(call: Call, only: string | undefined): Promise<Outcome> {
  requireRoot(call);
  const { emit, signal } = call;
  const [{ machineFacts }, { resolveJoin }, { createJoinContext }] = await Promise.all([
    import('./machine.ts'),
    import('../config/join.ts'),
    import('../../phases/join/context.ts'),
  ]);
  const machine = await machineFacts();
  const endpoint = only === undefined ? call.args[0] : undefined;
  const settings = resolveJoin({
    flags: call.flags,
    ...(await loadConfig(call)),
    machine,
    ...(endpoint === undefined ? {} : { endpoint }),
    discoveryOptional: only !== undefined && !talksToCluster(only),
  });
  return runWorkflow(call, {
    phases: joinPhases,
    only,
    settings,
    flags: joinFlags,
    context: async (host) =>
      createJoinContext(settings, {
        host,
        emit,
        signal,
        machine,
        packageOptions: await packageOptions(settings.edge.package.publicKeyFile),
      }),
  });
}

/** kubeadm's own phases discover the cluster first; those that only prepare this machine do not need to know it. */
function talksToCluster(name: string): boolean {
  if (name === 'preflight' || name === 'kubeadm') return true;
  if (name.startsWith('prepare')) return false;
  const found = flatten(joinPhases).find((flat) => flat.name === name);
  for (let at = found; at; at = at.parent) if (at.phase.onlyByName) return true;
  return false;
}
