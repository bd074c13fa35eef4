import { EdgeadmError } from '../errors.ts';
import { corrupt } from './archive/frames.ts';
import type { EntrySink, WalkOptions } from './check.ts';
import { checkLayout } from './oci/check.ts';
import type { InstallPackage, PackageEntry, PackageManifest, PackageNeeds } from './types.ts';
import { walkPackage } from './walk.ts';

/**
 * Checks a whole package: every entry against the manifest, the images' layout, and, with `needs`, that it has all that
 * a cluster needs. The signature was checked on opening.
 * Errors: E_PACKAGE_CORRUPT, E_PACKAGE_HOSTILE, E_PACKAGE_MISMATCH, E_PACKAGE_INCOMPLETE (names what lacks).
 */
export async function verifyPackage(
  opened: InstallPackage,
  needs?: PackageNeeds,
  options: WalkOptions = {},
): Promise<void> {
  if (needs !== undefined) checkNeeds(opened.manifest, needs);
  const kept = new KeepingSink(opened.manifest);
  await walkPackage(opened, kept, options);
  if (options.filter === undefined) checkLayout(opened.manifest, kept.texts);
}

/** Compares a manifest with what a cluster needs; reads no content. Errors: E_PACKAGE_MISMATCH, E_PACKAGE_INCOMPLETE. */
export function checkNeeds(manifest: PackageManifest, needs: PackageNeeds): void {
  const { arch, kubernetesVersion } = manifest;
  if (arch !== needs.arch) {
    throw new EdgeadmError(
      'E_PACKAGE_MISMATCH',
      `the install package is for ${arch}, this needs ${needs.arch}`,
      {
        hint: `Take a package for ${needs.arch}: edgeadm package build --arch ${needs.arch}`,
      },
    );
  }
  if (needs.kubernetesVersion !== undefined && kubernetesVersion !== needs.kubernetesVersion) {
    throw new EdgeadmError(
      'E_PACKAGE_MISMATCH',
      `the install package has Kubernetes ${kubernetesVersion}, this needs ${needs.kubernetesVersion}`,
      {
        hint: `Set --kubernetes-version ${kubernetesVersion}, or take a package of ${needs.kubernetesVersion}.`,
      },
    );
  }
  const paths = new Set(manifest.entries.map(({ path }) => path));
  const images = new Set(manifest.images.map(({ name }) => name));
  const missing = [
    ...needs.binaries.map((name) => `bin/${name}`).filter((path) => !paths.has(path)),
    ...needs.cni.map((name) => `cni/${name}`).filter((path) => !paths.has(path)),
    ...needs.images.filter((name) => !images.has(name)).map((name) => `image ${name}`),
  ];
  if (missing.length === 0) return;
  throw new EdgeadmError('E_PACKAGE_INCOMPLETE', `the install package lacks ${missing.join(', ')}`, {
    hint: 'Build it for the same configuration: edgeadm package build --config FILE.',
    details: missing,
  });
}

/** Keeps the small texts that describe the images. */
class KeepingSink implements EntrySink {
  readonly texts = new Map<string, Buffer>();
  readonly #wanted: Set<string>;
  #pieces: Uint8Array[] | undefined;

  constructor(manifest: PackageManifest) {
    const digests = manifest.images.map(
      ({ digest }) => `images/blobs/sha256/${digest.slice('sha256:'.length)}`,
    );
    this.#wanted = new Set(['images/index.json', 'images/oci-layout', ...digests]);
  }

  async head(): Promise<void> {}

  async begin({ path, size }: PackageEntry): Promise<void> {
    this.#pieces = this.#wanted.has(path) ? [] : undefined;
    if (this.#pieces && size > 4 << 20) throw corrupt(`${path} is ${size} bytes long`);
  }

  async data(bytes: Uint8Array): Promise<void> {
    this.#pieces?.push(bytes);
  }

  async end({ path }: PackageEntry): Promise<void> {
    if (this.#pieces) this.texts.set(path, Buffer.concat(this.#pieces));
  }
}
