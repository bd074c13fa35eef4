import { loadCatalogue } from './catalogue/load.ts';
import type { Catalogue, Purpose } from './catalogue/types.ts';
import type { Arch, PackageNeeds } from './types.ts';

export interface NeedsOptions {
  /** `v1.36.3`; undefined takes whatever the package has (and the newest minor's list of parts). */
  kubernetesVersion?: string | undefined;
  arch: Arch;
  /** Whether edge addons will run. */
  edge: boolean;
  cni: 'flannel' | 'none';
  /** Whether kube-vip carries the control plane's address. */
  ha: boolean;
  /** kubeadm's imageRepository; default `registry.k8s.io`. */
  imageRepository?: string | undefined;
  /** A worker or edge node needs no image of the control plane. Default `cluster`: everything. */
  role?: 'cluster' | 'node';
}

/** kubeadm's own default (cmd/kubeadm/app/apis/kubeadm/v1beta4/defaults.go). */
export const DEFAULT_REPOSITORY = 'registry.k8s.io';
/** What any pod network needs, and what flannel's configuration names. */
const CNI = { none: ['loopback', 'host-local', 'portmap'], flannel: ['bridge', 'flannel'] };

/** What a cluster of this configuration needs from its install package. Errors: E_CONFIG_INVALID (an unknown version). */
export async function needsFor(options: NeedsOptions): Promise<PackageNeeds> {
  const catalogue = await loadCatalogue(options.kubernetesVersion);
  return {
    ...(options.kubernetesVersion !== undefined && { kubernetesVersion: catalogue.kubernetesVersion }),
    arch: options.arch,
    binaries: catalogue.components.flatMap(({ bin }) => bin),
    cni: [...CNI.none, ...(options.cni === 'flannel' ? CNI.flannel : [])],
    images: neededImages(catalogue, options),
  };
}

function neededImages(catalogue: Catalogue, options: NeedsOptions): string[] {
  const { edge, cni, ha, role = 'cluster', imageRepository = DEFAULT_REPOSITORY } = options;
  const purposes: Record<Purpose, boolean> = {
    node: true,
    'control-plane': role === 'cluster',
    flannel: cni === 'flannel',
    ha: ha && role === 'cluster',
    edge,
  };
  return catalogue.components.flatMap(({ images }) =>
    images
      .filter(({ purpose }) => purposes[purpose])
      .map(({ name, purpose }) => (isKubeadms(purpose) ? inRepository(name, imageRepository) : name)),
  );
}

/** Whether kubeadm names the image, by its own imageRepository. */
export function isKubeadms(purpose: Purpose): boolean {
  return purpose === 'node' || purpose === 'control-plane';
}

/**
 * The name that kubeadm gives an image of its default repository in another: `registry.k8s.io/coredns/coredns:v1` is
 * `<repository>/coredns:v1` there (cmd/kubeadm/app/images/images.go, GetDNSImage).
 */
export function inRepository(name: string, repository: string): string {
  if (repository === DEFAULT_REPOSITORY) return name;
  return `${repository}/${name.slice(name.lastIndexOf('/') + 1)}`;
}
