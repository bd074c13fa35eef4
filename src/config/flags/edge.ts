import type { FlagSpec } from './spec.ts';

const kind = 'EdgeConfiguration';
const own = { group: 'edgeadm', withConfig: true } as const;

/** edgeadm's own flags of init and join. They set fields of EdgeConfiguration and win over those of a file. */
export const installFlags: readonly FlagSpec[] = [
  {
    ...own,
    name: 'install-pkg-path',
    value: 'string',
    argName: 'file|folder|URL',
    description: 'install package with all binaries and images (see `edgeadm package build`)',
    target: { kind, path: 'package.path' },
  },
  {
    ...own,
    name: 'package-public-key',
    value: 'string',
    argName: 'file',
    description: 'PEM file of the Ed25519 key that must have signed the install package',
    target: { kind, path: 'package.publicKeyFile' },
  },
  {
    ...own,
    name: 'enable-edge',
    value: 'bool',
    default: true,
    description: 'install the edge components; false makes a plain Kubernetes cluster or node',
    target: { kind, path: 'enabled' },
  },
  {
    ...own,
    name: 'edge-virtual-addr',
    value: 'string',
    argName: 'IP',
    default: '169.254.20.11',
    description: 'link-local address that edge services of a node listen on',
    target: { kind, path: 'virtualAddress' },
  },
  {
    ...own,
    name: 'edge-image-repository',
    value: 'string',
    argName: 'repository',
    default: 'ghcr.io/superedge',
    description: "where the images of edgeadm's own components come from",
    target: { kind, path: 'images.edgeRepository' },
  },
  {
    ...own,
    name: 'manifests-dir',
    value: 'string',
    argName: 'folder',
    description: "folder whose files replace edgeadm's own manifests of the same name",
  },
  {
    ...own,
    name: 'runtime',
    value: 'string',
    argName: 'name',
    default: 'containerd',
    description: 'container runtime to install; only containerd',
    target: { kind, path: 'runtime.name' },
  },
  {
    ...own,
    name: 'ignore-runtime',
    value: 'bool',
    default: false,
    description: 'use the container runtime that is there and install none',
    target: { kind, path: 'runtime.ignore' },
  },
  {
    ...own,
    name: 'default-ha',
    value: 'string',
    argName: 'provider',
    default: 'kube-vip',
    description:
      'what carries a control-plane endpoint that is a virtual IP; empty if you have a load balancer',
    target: { kind, path: 'ha.provider' },
  },
  {
    ...own,
    name: 'interface',
    value: 'string',
    argName: 'link',
    description: 'network link that carries the virtual IP (default: the one towards it)',
    target: { kind, path: 'ha.interface' },
  },
];
