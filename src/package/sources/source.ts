import type { Emit } from '../../workflow/events.ts';
import type { Component, ImageRecipe } from '../catalogue/types.ts';
import type { FetchedFile } from '../hash.ts';
import type { OciImage } from '../oci/image.ts';
import type { Arch, ComponentSource } from '../types.ts';

export type { FetchedFile };

export interface FetchOptions {
  /** edgeadm's cache folder; what is in it is found again by the hash of everything it was made from. */
  cacheDirectory: string;
  emit: Emit;
  signal?: AbortSignal;
}

/** Something that a component was linked or put together from; goes into the SBOM. */
export interface Dependency {
  kind: 'go' | 'debian' | 'npm';
  name: string;
  version: string;
  /** SPDX expression, when it is known. */
  licence?: string;
  /** Else the licences by the names that its distributor gives them. */
  licenceNames?: string[];
}

export interface FetchedComponent {
  component: Component;
  /** By program name. */
  programs: Record<string, FetchedFile>;
  /** A file system to put below images, as a tar. */
  rootfs?: FetchedFile;
  /** Go module or URL it came from. */
  origin: string;
  dependencies: Dependency[];
}

/** Where components come from. Both implementations give the same programs and the same image names. */
export interface Source {
  readonly name: ComponentSource;
  /** Finds what is missing on this machine before a long build begins. Throws E_PACKAGE_BUILD with the fix. */
  prepare(components: readonly Component[], arch: Arch, options: FetchOptions): Promise<void>;
  /** Errors: E_PACKAGE_BUILD (a build failed), E_PACKAGE_SOURCE (a download failed), E_PACKAGE_CORRUPT (a wrong sum). */
  fetchComponent(component: Component, arch: Arch, options: FetchOptions): Promise<FetchedComponent>;
  /** `fetched` holds every component by name, since an image may lie on another's file system. */
  fetchImage(
    image: ImageRecipe,
    owner: FetchedComponent,
    fetched: ReadonlyMap<string, FetchedComponent>,
    arch: Arch,
    options: FetchOptions,
  ): Promise<OciImage>;
}
