import { type Check, error, type Finding, type NodeSettings, warning } from './check.ts';
import { readUnits } from './units.ts';

const distributions: Readonly<Record<string, { name: string; remove: string }>> = {
  'k3s.service': { name: 'K3s', remove: '`k3s-uninstall.sh`' },
  'k3s-agent.service': { name: 'K3s', remove: '`k3s-agent-uninstall.sh`' },
  'rke2-server.service': { name: 'RKE2', remove: '`rke2-uninstall.sh`' },
  'rke2-agent.service': { name: 'RKE2', remove: '`rke2-uninstall.sh`' },
  'k0scontroller.service': { name: 'k0s', remove: '`k0s stop` and `k0s reset`' },
  'k0sworker.service': { name: 'k0s', remove: '`k0s stop` and `k0s reset`' },
  'snap.microk8s.daemon-kubelite.service': { name: 'MicroK8s', remove: '`snap remove microk8s`' },
  'edgecore.service': { name: 'KubeEdge', remove: '`keadm reset edge`' },
};

/** Another Kubernetes takes the same ports, CNI directories and packet filter chains. */
export const otherKubernetes: Check<NodeSettings> = {
  name: 'OtherKubernetes',
  async run(host, _settings, { signal }) {
    const units = await readUnits(host, Object.keys(distributions), signal);
    return units.flatMap((unit): Finding[] => {
      const { name, remove } = distributions[unit.name]!;
      if (unit.active)
        return [
          error(`${name} is running (${unit.name})`, `Remove it, if it is not needed any more: ${remove}.`),
        ];
      if (!unit.installed) return [];
      const message = `${name} is installed (${unit.name}), but does not run`;
      return [warning(message, `It must not be started beside this node. To remove it: ${remove}.`)];
    });
  },
};

export const docker: Check<NodeSettings> = {
  name: 'Docker',
  async run(host, _settings, { signal }) {
    const [unit] = await readUnits(host, ['docker.service'], signal);
    if (!unit?.active) return [];
    const fix =
      'Nothing is changed about it: its containers are no pods, and it uses no port of Kubernetes. Mind that both need memory, and that Docker drops forwarded packets by default (flannel accepts those of pods).';
    return [warning("Docker's engine is running", fix)];
  },
};
