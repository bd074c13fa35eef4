import { coerce, lt } from 'semver';
import { type Check, error, type Finding, isInit, type NodeSettings } from './check.ts';

/** kubeadm's name. An install package holds one version of Kubernetes. */
export const kubernetesVersion: Check<NodeSettings> = {
  name: 'KubernetesVersion',
  applies: isInit,
  async run(_host, settings, context) {
    const wanted = isInit(settings) ? settings.kubernetesVersion : undefined;
    const packaged = context.package?.kubernetesVersion;
    if (!wanted || !packaged || wanted === packaged) return [];
    const fix = `Leave out --kubernetes-version, or take another package: \`edgeadm package build --kubernetes-version ${wanted}\`.`;
    return [error(`Kubernetes ${wanted} was asked for, the install package has ${packaged}`, fix)];
  },
};

/**
 * Whether a node with the package's kubelet and kubeadm can join a cluster: a kubelet is never newer than the API server and at most
 * three minors older; kubeadm and a further control plane have the cluster's minor
 * (kubernetes.io/releases/version-skew-policy, kubeadm's app/preflight).
 */
export function skewFindings(
  cluster: string | undefined,
  packaged: string | undefined,
  controlPlane: boolean,
): Finding[] {
  const [theirs, ours] = [coerce(cluster), coerce(packaged)];
  if (!theirs || !ours || theirs.major !== ours.major) return [];
  const fix = `Take a package of the cluster's version: \`edgeadm package build --kubernetes-version ${cluster}\`.`;
  const facts = `the cluster has Kubernetes ${cluster}, the install package ${packaged}`;
  if (lt(`${theirs.major}.${theirs.minor}.0`, `${ours.major}.${ours.minor}.0`)) {
    return [error(`${facts}: a node must not be newer than its cluster`, fix, 'KubernetesVersion')];
  }
  const behind = theirs.minor - ours.minor;
  if (controlPlane && behind > 0)
    return [error(`${facts}: control planes must have the same minor`, fix, 'KubernetesVersion')];
  if (behind > 3)
    return [error(`${facts}: a node may be three minors older at most`, fix, 'KubernetesVersion')];
  return [];
}
