import { mergeArguments, toArguments } from './arguments.ts';
import { ensureDocument } from './documents.ts';
import { addCertificateNames } from './edge.ts';
import { getField, setDefault, setField, textAt } from './fields.ts';
import { parseHostPort } from './hostport.ts';
import type { EdgeConfiguration, KubeDocument, MachineFacts } from './types.ts';

export const defaultCriSocket = 'unix:///run/containerd/containerd.sock';
const defaultPodSubnet = '10.244.0.0/16';

/** kubeadm's own defaults (apis/kubeadm/v1beta4/defaults.go), for fields that edgeadm reads. */
export const kubeadmDefaults = {
  bindPort: 6443,
  certificatesDir: '/etc/kubernetes/pki',
  serviceSubnet: '10.96.0.0/12',
  dnsDomain: 'cluster.local',
  imageRepository: 'registry.k8s.io',
} as const;

/** What every node's kubelet is to do, unless the user wrote otherwise. Changes the documents in place. */
export function setKubeletDefaults(documents: KubeDocument[], machine: MachineFacts): void {
  const kubelet = ensureDocument(documents, 'KubeletConfiguration');
  setDefault(kubelet, 'cgroupDriver', 'systemd');
  setDefault(kubelet, 'rotateCertificates', true);
  setDefault(kubelet, 'serverTLSBootstrap', true);
  // From 1.35 on, a kubelet refuses to start on cgroup v1 unless told so.
  if (machine.cgroupVersion === 1) setDefault(kubelet, 'failCgroupV1', false);
}

/** A kube-proxy that may not set nf_conntrack_max ends at once; 0 leaves it as it is. Changes the documents in place. */
export function setKubeProxyDefaults(documents: KubeDocument[], machine: MachineFacts): void {
  if (machine.canSetConntrackMax !== false) return;
  const proxy = ensureDocument(documents, 'KubeProxyConfiguration');
  setDefault(proxy, 'conntrack.maxPerCore', 0);
}

/**
 * kube-controller-manager's own limit, 20 requests a second, makes it take four seconds to start its controllers, for
 * which everything in a new cluster waits. The API server has a fair limit of its own (API priority and fairness).
 */
export function setControllerManagerDefaults(cluster: KubeDocument): void {
  const user = toArguments(getField(cluster, 'controllerManager.extraArgs'));
  const ours = [
    { name: 'kube-api-qps', value: '100' },
    { name: 'kube-api-burst', value: '200' },
  ];
  setField(cluster, 'controllerManager.extraArgs', mergeArguments(user, ours));
}

/** Gives the CNI a pod network when it needs one and none was chosen. */
export function setPodSubnetDefault(cluster: KubeDocument, edge: EdgeConfiguration): void {
  if (edge.cni.name === 'flannel' && !textAt(cluster, 'networking.podSubnet')) {
    setField(cluster, 'networking.podSubnet', defaultPodSubnet);
  }
}

export function setCriSocketDefault(node: KubeDocument): void {
  if (!textAt(node, 'nodeRegistration.criSocket'))
    setField(node, 'nodeRegistration.criSocket', defaultCriSocket);
}

/** The kubelet configuration of a joining node is the cluster's; what only this machine needs goes into arguments. */
export function setJoinKubeletArguments(join: KubeDocument, machine: MachineFacts): void {
  if (machine.cgroupVersion !== 1) return;
  const user = toArguments(getField(join, 'nodeRegistration.kubeletExtraArgs'));
  setField(
    join,
    'nodeRegistration.kubeletExtraArgs',
    mergeArguments(user, [{ name: 'fail-cgroupv1', value: 'false' }]),
  );
}

/**
 * The labels that a node registers with, behind the user's own: an entry of its own, which the kubelet adds to those
 * before (k8s.io/component-base/cli/flag, ConfigurationMap). A label that the user gives keeps the user's value.
 */
export function addNodeLabels(join: KubeDocument, labels: Readonly<Record<string, string>>): void {
  const user = toArguments(getField(join, 'nodeRegistration.kubeletExtraArgs'));
  const named = new Set(
    user
      .filter(({ name }) => name === 'node-labels')
      .flatMap(({ value }) => value.split(',').map((pair) => pair.split('=')[0]!.trim())),
  );
  const lacking = Object.entries(labels).filter(([key]) => !named.has(key));
  if (lacking.length === 0) return;
  const value = lacking.map(([key, text]) => `${key}=${text}`).join(',');
  setField(join, 'nodeRegistration.kubeletExtraArgs', [...user, { name: 'node-labels', value }]);
}

/**
 * Puts the control-plane endpoint, when it is an IP address (kube-vip's or a load balancer's), among the names in the API
 * server's certificate.
 */
export function addEndpointToCertificate(cluster: KubeDocument): void {
  const parsed = parseHostPort(textAt(cluster, 'controlPlaneEndpoint') ?? '');
  if ('endpoint' in parsed && parsed.endpoint.family) addCertificateNames(cluster, [parsed.endpoint.host]);
}
