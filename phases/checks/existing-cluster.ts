import { join } from 'node:path';
import { textAt } from '../../src/config/fields.ts';
import type { Host } from '../../src/host/host.ts';
import { paths } from '../../src/host/paths.ts';
import { type Check, error, type Finding, isControlPlane, isInit, type NodeSettings } from './check.ts';
import { ownRun } from './own-run.ts';
import { usesExternalEtcd } from './ports.ts';
import { readUnits } from './units.ts';

/**
 * Remains of a cluster that our journal knows nothing of. Names are kubeadm's (FileAvailable-…, DirAvailable-…).
 * Certificates and kubeconfigs that a user puts there before init are kubeadm's own feature, and no remains.
 */
export const existingCluster: Check<NodeSettings> = {
  name: 'ExistingCluster',
  async run(host, settings, { signal }) {
    const command = isInit(settings) ? 'init' : 'join';
    const own = ownRun(host);
    if (own === command) return [];
    if (own) {
      const made =
        own === 'init'
          ? 'is a control plane that `edgeadm init` made'
          : 'joined a cluster with `edgeadm join`';
      return [error(`this host ${made}`, 'Run `edgeadm reset` first if it shall become something else.')];
    }
    const findings = await remains(host, settings);
    const [kubelet] = await readUnits(host, ['kubelet.service'], signal);
    if (kubelet?.active) {
      const fix =
        'If its cluster is not needed any more: `kubeadm reset`, or the uninstaller of its distribution.';
      findings.push(error(`a kubelet that edgeadm did not install is running (${kubelet.file})`, fix));
    }
    return findings;
  },
};

async function remains(host: Host, settings: NodeSettings): Promise<Finding[]> {
  const files: string[] = [];
  if (isControlPlane(settings)) {
    const pods = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'etcd'];
    files.push(...pods.map((name) => join(paths.manifests, `${name}.yaml`)));
  }
  if (!isInit(settings)) {
    files.push(paths.kubeletConf, join(paths.kubernetes, 'bootstrap-kubelet.conf'));
    if (!settings.controlPlane) files.push(join(paths.pki, 'ca.crt'));
  }
  const fix =
    'A cluster that edgeadm did not make is, or was, on this host. If it is not needed any more: `kubeadm reset`, then remove what it leaves.';
  const findings: Finding[] = [];
  for (const file of files) {
    if (!(await host.stat(file))) continue;
    findings.push(error(`${file} exists already`, fix, `FileAvailable-${file.replaceAll('/', '-')}`));
  }
  if (!isControlPlane(settings) || usesExternalEtcd(settings)) return findings;
  const cluster = settings.documents.find(({ kind }) => kind === 'ClusterConfiguration');
  const data = textAt(cluster, 'etcd.local.dataDir') ?? paths.etcd;
  const entries = (await host.list(data)).filter((name) => name !== 'lost+found');
  if (entries.length > 0) {
    findings.push(error(`${data} is not empty`, fix, `DirAvailable-${data.replaceAll('/', '-')}`));
  }
  return findings;
}
