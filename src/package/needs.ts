import { controllerImageName } from '../edge/controller/image-name.ts';
import { loadCatalogue } from './catalogue/load.ts';
import { LIBRARIES } from './catalogue/names.ts';
import type { Catalogue, Purpose } from './catalogue/types.ts';
import type { Arch, PackageEntry, PackageManifest, PackageNeeds } from './types.ts';

export interface NeedsOptions {
  /** `v1.36.3`; undefined takes whatever the package has (and the newest minor's list of parts). */
  kubernetesVersion?: string | undefined;
  arch: Arch;
  /** Whether edge addons will run. */
  edge: boolean;
  cni: 'flannel' | 'none';
  /** Whether kube-vip carries the control plane's address. */
  ha: boolean;
  /** A worker or edge node needs no image of the control plane. Default `cluster`: everything. */
  role?: 'cluster' | 'node';
  /** `addons` of the EdgeConfiguration: one that is switched off needs nothing. Default: all are on. */
  addons?: Readonly<Record<string, { enabled: boolean }>>;
}

/** Addons that run edgeadm's own image; the second in edge clusters only. */
const controllerAddons = ['kubelet-serving-approver', 'edge-health'];

/** Runs on control-plane nodes alone. */
const tunnelServer = /\/proxy-server[:@]/;

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
  const { edge, cni, ha, role = 'cluster', addons = {} } = options;
  const purposes: Record<Purpose, boolean> = {
    node: true,
    'control-plane': role === 'cluster',
    flannel: cni === 'flannel',
    ha: ha && role === 'cluster',
    // The tunnel's server and agent, so far.
    edge: edge && addons.tunnel?.enabled !== false,
  };
  const controller =
    role === 'cluster' &&
    controllerAddons.some(
      (name) => addons[name]?.enabled !== false && (edge || name === 'kubelet-serving-approver'),
    ) &&
    catalogue.components.some(({ name }) => name === LIBRARIES);
  const named = catalogue.components.flatMap(({ images }) =>
    images
      .filter(({ purpose, name }) => purposes[purpose] && (role === 'cluster' || !tunnelServer.test(name)))
      .map(({ name }) => name),
  );
  return [...named, ...(controller ? [controllerImageName()] : [])];
}

/**
 * A filter for `unpackPackage` and `verifyPackage` that leaves out what only other images need: a worker has no use
 * for the control plane's. Everything that is no image passes.
 */
export function onlyImages(
  manifest: PackageManifest,
  names: readonly string[],
): (entry: PackageEntry) => boolean {
  const wanted = new Set(names);
  const kept = new Set<string>();
  const dropped = new Set<string>();
  for (const { name, blobs = [] } of manifest.images) {
    for (const digest of blobs) (wanted.has(name) ? kept : dropped).add(digest.slice('sha256:'.length));
  }
  return ({ path, sha256 }) => !path.startsWith('images/blobs/') || kept.has(sha256) || !dropped.has(sha256);
}
