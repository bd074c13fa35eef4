import {
  configFlag,
  criSocketFlag,
  dryRunFlag,
  ignorePreflightErrorsFlag,
  kubeconfigFlag,
  nodeNameFlag,
  patchesFlag,
  skipPhasesFlag,
} from './common.ts';
import { installFlags } from './edge.ts';
import type { FlagSpec } from './spec.ts';

const init = 'InitConfiguration';
const cluster = 'ClusterConfiguration';
const own = { group: 'kubeadm', withConfig: false } as const;

/** Every flag of `kubeadm init`, kubeadm 1.34 to 1.36 (cmd/kubeadm/app/cmd/init.go). */
export const kubeadmInitFlags: readonly FlagSpec[] = [
  {
    ...own,
    name: 'apiserver-advertise-address',
    value: 'string',
    argName: 'IP',
    description:
      "address at which other nodes find this node's API server (default: that of the default route's link)",
    target: { kind: init, path: 'localAPIEndpoint.advertiseAddress' },
  },
  {
    ...own,
    name: 'apiserver-bind-port',
    value: 'int',
    argName: 'port',
    default: 6443,
    description: 'port of the API server',
    target: { kind: init, path: 'localAPIEndpoint.bindPort' },
  },
  {
    ...own,
    name: 'apiserver-cert-extra-sans',
    value: 'strings',
    argName: 'names',
    description: "further IP addresses and DNS names for the API server's certificate",
    target: { kind: cluster, path: 'apiServer.certSANs' },
  },
  {
    ...own,
    name: 'cert-dir',
    value: 'string',
    argName: 'folder',
    default: '/etc/kubernetes/pki',
    description: 'where the certificates are kept',
    target: { kind: cluster, path: 'certificatesDir' },
  },
  {
    ...own,
    name: 'certificate-key',
    value: 'string',
    argName: 'key',
    description: 'key (64 hex digits) that encrypts the certificates uploaded by --upload-certs',
    target: { kind: init, path: 'certificateKey' },
    secret: true,
  },
  configFlag,
  {
    ...own,
    name: 'control-plane-endpoint',
    value: 'string',
    argName: 'host[:port]',
    description:
      'stable IP address or DNS name of the whole control plane; needed for more than one control-plane node',
    target: { kind: cluster, path: 'controlPlaneEndpoint' },
  },
  criSocketFlag(init, 'nodeRegistration.criSocket'),
  dryRunFlag,
  {
    ...own,
    name: 'feature-gates',
    value: 'map',
    argName: 'name=true|false,…',
    description: "kubeadm's feature gates: NodeLocalCRISocket, PublicKeysECDSA, RootlessControlPlane, …",
    target: { kind: cluster, path: 'featureGates' },
  },
  ignorePreflightErrorsFlag,
  {
    ...own,
    name: 'image-repository',
    value: 'string',
    argName: 'repository',
    default: 'registry.k8s.io',
    description: 'registry and path that the control-plane images come from',
    target: { kind: cluster, path: 'imageRepository' },
  },
  {
    ...own,
    name: 'kubernetes-version',
    value: 'string',
    argName: 'version',
    default: 'stable-1',
    description: 'Kubernetes version of the control plane (stable-1: the one of the install package)',
    target: { kind: cluster, path: 'kubernetesVersion' },
  },
  nodeNameFlag(init),
  patchesFlag(init),
  {
    ...own,
    name: 'pod-network-cidr',
    value: 'string',
    argName: 'CIDR',
    description:
      'addresses for pods: one CIDR, or an IPv4 and an IPv6 one (default with flannel: 10.244.0.0/16)',
    target: { kind: cluster, path: 'networking.podSubnet' },
  },
  {
    ...own,
    name: 'service-cidr',
    value: 'string',
    argName: 'CIDR',
    default: '10.96.0.0/12',
    description: 'addresses for services: one CIDR, or an IPv4 and an IPv6 one',
    target: { kind: cluster, path: 'networking.serviceSubnet' },
  },
  {
    ...own,
    name: 'service-dns-domain',
    value: 'string',
    argName: 'domain',
    default: 'cluster.local',
    description: 'DNS domain of services, e.g. "myorg.internal"',
    target: { kind: cluster, path: 'networking.dnsDomain' },
  },
  {
    ...own,
    name: 'skip-certificate-key-print',
    value: 'bool',
    default: false,
    description: 'do not print the key that encrypts the uploaded certificates',
    withConfig: true,
  },
  skipPhasesFlag,
  {
    ...own,
    name: 'skip-token-print',
    value: 'bool',
    default: false,
    description: 'do not print the bootstrap token',
    withConfig: true,
  },
  {
    ...own,
    name: 'token',
    value: 'string',
    argName: 'token',
    description: 'bootstrap token with which nodes join, [a-z0-9]{6}.[a-z0-9]{16} (default: a random one)',
    target: { kind: init, path: 'bootstrapTokens.0.token' },
    secret: true,
  },
  {
    ...own,
    name: 'token-ttl',
    value: 'duration',
    argName: 'time',
    default: '24h0m0s',
    description: 'how long the token is valid, e.g. 1s, 2m, 3h; 0 for ever',
    target: { kind: init, path: 'bootstrapTokens.0.ttl' },
  },
  {
    ...own,
    name: 'upload-certs',
    value: 'bool',
    default: false,
    description:
      'store the control-plane certificates, encrypted, in the cluster, so that control-plane nodes can join',
    withConfig: true,
  },
];

const extraArguments = (component: string, name: string, field: string): FlagSpec => ({
  ...own,
  name: `${component}-extra-args`,
  value: 'map',
  argName: 'flag=value,…',
  description: `further arguments of ${name}`,
  target: { kind: cluster, path: `${field}.extraArgs` },
  hidden: true,
  deprecated: `${cluster}.${field}.extraArgs in a file given with --config`,
});

/** Flags that kubeadm has only below `kubeadm init phase`. */
const kubeadmInitPhaseFlags: readonly FlagSpec[] = [
  extraArguments('apiserver', 'the API server', 'apiServer'),
  extraArguments('controller-manager', 'the controller manager', 'controllerManager'),
  kubeconfigFlag,
  {
    ...own,
    name: 'kubeconfig-dir',
    value: 'string',
    argName: 'folder',
    default: '/etc/kubernetes',
    description: 'where the kubeconfig files are kept',
    withConfig: true,
  },
  {
    ...own,
    name: 'print-manifest',
    value: 'bool',
    default: false,
    description: "print an addon's manifest instead of installing it",
    withConfig: true,
  },
  extraArguments('scheduler', 'the scheduler', 'scheduler'),
];

export const initFlags: readonly FlagSpec[] = [...installFlags, ...kubeadmInitFlags];
export const initPhaseFlags: readonly FlagSpec[] = [...initFlags, ...kubeadmInitPhaseFlags];
