import type { Emit } from '../workflow/events.ts';

export type Arch = 'amd64' | 'arm64';
export type ComponentSource = 'gomod' | 'release';

/** One file of an install package. Paths are relative, use `/`, and hold no `.` or `..` part. */
export interface PackageEntry {
  path: string;
  /** Bytes. */
  size: number;
  /** Lower-case hex. */
  sha256: string;
  /** 0o755 for programs, else 0o644. */
  mode: number;
}

export interface PackageComponent {
  name: string;
  version: string;
  source: ComponentSource;
  /** SPDX expression. */
  licence: string;
  /** Go module (`gomod`) or URL (`release`) it came from. */
  origin: string;
}

export interface PackageImage {
  /** Full reference as kubeadm or a manifest writes it: `registry.k8s.io/pause:3.10.2`. */
  name: string;
  /** Digest of the image manifest in the OCI layout: `sha256:…`. */
  digest: string;
  /** Component names it is made of. */
  components: string[];
  /** Digests of all its blobs: manifest, configuration and layers. */
  blobs?: string[];
}

/**
 * `manifest.json`, the first entry of a package file. The package's digest is the SHA-256 of these bytes, since they
 * hold the SHA-256 of everything else; `manifest.json.sig` (base64 Ed25519 over the same bytes) follows it when signed.
 */
export interface PackageManifest {
  schema: 'edgeadm.superedge.io/package/v1';
  /** `v1.36.3` */
  kubernetesVersion: string;
  arch: Arch;
  edgeadmVersion: string;
  components: PackageComponent[];
  images: PackageImage[];
  /** Sorted by path; everything but manifest.json and its signature. */
  entries: PackageEntry[];
}

/**
 * Layout below the root of a package:
 * ```
 * manifest.json  manifest.json.sig  sbom.cdx.json
 * bin/           kubeadm kubelet kubectl containerd containerd-shim-runc-v2 ctr runc etcdctl etcdutl
 * cni/           CNI plugins, flannel's among them
 * images/        one OCI image layout: oci-layout index.json blobs/sha256/…; index entries carry
 *                the annotations io.containerd.image.name (full name) and org.opencontainers.image.ref.name (tag)
 * edgeadm/       this program: node, program files, manifests/, and `edgeadm`, the launcher
 * ```
 */
export interface InstallPackage {
  manifest: PackageManifest;
  /** SHA-256 of manifest.json, hex. */
  digest: string;
  /** Whether a trusted key signed it. */
  signed: boolean;
  /** Where it was read from, as the user wrote it. */
  location: string;
  /** Where its bytes are on this machine when that is not `location` (a download). */
  path?: string;
  /** Whether it is a folder that was unpacked already. */
  folder?: boolean;
  /** Of a file: bytes of its tar before the first entry. */
  headSize?: number;
}

export interface OpenOptions {
  signal?: AbortSignal;
  emit?: Emit;
  /** PEM of an Ed25519 public key; when given, an unsigned or wrongly signed package is E_PACKAGE_SIGNATURE. */
  publicKey?: string;
  /** Folder for a download of a URL (resumed when cut); default the user's cache folder. */
  downloadDirectory?: string;
}

/** What a cluster needs from a package, for the completeness check. */
export interface PackageNeeds {
  kubernetesVersion?: string;
  arch: Arch;
  binaries: string[];
  /** CNI plugin names. */
  cni: string[];
  images: string[];
}
