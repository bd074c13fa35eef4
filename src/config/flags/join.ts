import {
  configFlag,
  criSocketFlag,
  dryRunFlag,
  ignorePreflightErrorsFlag,
  nodeNameFlag,
  patchesFlag,
  skipPhasesFlag,
} from './common.ts';
import { installFlags } from './edge.ts';
import type { FlagSpec } from './spec.ts';

const kind = 'JoinConfiguration';
const own = { group: 'kubeadm', withConfig: false } as const;

/** Every flag of `kubeadm join`, kubeadm 1.34 to 1.36 (cmd/kubeadm/app/cmd/join.go). */
const kubeadmJoinFlags: readonly FlagSpec[] = [
  {
    ...own,
    name: 'apiserver-advertise-address',
    value: 'string',
    argName: 'IP',
    description: "with --control-plane: address at which other nodes find this node's API server",
    target: { kind, path: 'controlPlane.localAPIEndpoint.advertiseAddress' },
  },
  {
    ...own,
    name: 'apiserver-bind-port',
    value: 'int',
    argName: 'port',
    default: 6443,
    description: "with --control-plane: port of this node's API server",
    target: { kind, path: 'controlPlane.localAPIEndpoint.bindPort' },
  },
  {
    ...own,
    name: 'certificate-key',
    value: 'string',
    argName: 'key',
    description: 'with --control-plane: key (64 hex digits) that decrypts the certificates uploaded by init',
    target: { kind, path: 'controlPlane.certificateKey' },
    secret: true,
  },
  configFlag,
  {
    ...own,
    name: 'control-plane',
    value: 'bool',
    default: false,
    description: 'make this a control-plane node',
  },
  criSocketFlag(kind, 'nodeRegistration.criSocket'),
  {
    ...own,
    name: 'discovery-file',
    value: 'string',
    argName: 'file|URL',
    description: 'kubeconfig file or https URL that says where the cluster is and which CA it has',
    target: { kind, path: 'discovery.file.kubeConfigPath' },
  },
  {
    ...own,
    name: 'discovery-token',
    value: 'string',
    argName: 'token',
    description: 'bootstrap token that validates what the API server says about the cluster',
    target: { kind, path: 'discovery.bootstrapToken.token' },
    secret: true,
  },
  {
    ...own,
    name: 'discovery-token-ca-cert-hash',
    value: 'strings',
    argName: 'sha256:hash',
    description: "hash of the public key of the cluster's CA; may be repeated",
    target: { kind, path: 'discovery.bootstrapToken.caCertHashes' },
  },
  {
    ...own,
    name: 'discovery-token-unsafe-skip-ca-verification',
    value: 'bool',
    default: false,
    description: "join without checking the cluster's CA by --discovery-token-ca-cert-hash",
    target: { kind, path: 'discovery.bootstrapToken.unsafeSkipCAVerification' },
  },
  dryRunFlag,
  ignorePreflightErrorsFlag,
  nodeNameFlag(kind),
  patchesFlag(kind),
  skipPhasesFlag,
  {
    ...own,
    name: 'tls-bootstrap-token',
    value: 'string',
    argName: 'token',
    description: 'bootstrap token with which the node asks for its first certificate',
    target: { kind, path: 'discovery.tlsBootstrapToken' },
    secret: true,
  },
  {
    ...own,
    name: 'token',
    value: 'string',
    argName: 'token',
    description: 'stands for --discovery-token and --tls-bootstrap-token where those are not given',
    secret: true,
  },
];

export const joinFlags: readonly FlagSpec[] = [...installFlags, ...kubeadmJoinFlags];
