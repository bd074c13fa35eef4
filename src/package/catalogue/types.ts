import type { ComponentSource } from '../types.ts';

/** What an image or file is for; decides whether a given cluster needs it. */
export type Purpose = 'control-plane' | 'node' | 'flannel' | 'ha' | 'edge';

/** How the gomod source makes a component's programs. `{version}` and the like are already filled in. */
export interface BuildRecipe {
  go?: {
    module: string;
    /** Further modules that a wrapper module must have at these versions: `example.org/part@v1.2.3`. */
    require: string[];
    /** Folder of the wrapper module, absolute. */
    wrapper: string;
    cgo: boolean;
    tags: string[];
    ldflags: string[];
    /** C headers that must be there, and the Debian package that has each. */
    headers: Record<string, string>;
    /** Program name to main package. */
    programs: Record<string, string>;
  };
  /** C programs of this project: program name to source file, absolute. Linked statically. */
  c?: { programs: Record<string, string> };
  /** Debian packages, extracted with what they depend on. */
  debian?: {
    suite: string;
    packages: string[] /** Path to target of symbolic links. */;
    links: Record<string, string>;
  };
}

/** One published file (or one per program, with `{program}` in the URL). `{arch}` is filled in on fetching. */
export interface ReleaseFile {
  url: string;
  /** URL of the published SHA-256: the bare sum, or lines of `sum  name`. */
  checksum: string;
  /** The file is the program. */
  programs?: string[];
  /** The file is a gzipped tar: program name to path in it. */
  archive?: Record<string, string>;
}

export interface ImageRecipe {
  /** As kubeadm or a manifest writes it. */
  name: string;
  purpose: Purpose;
  /** Component whose file system lies below (gomod). */
  base?: string;
  /** Path in the image to program name (gomod). */
  files: Record<string, string>;
  entrypoint: string[];
}

export interface Component {
  name: string;
  /** As in the catalogue: `v1.36.3`. */
  version: string;
  /** SPDX expression. */
  licence: string;
  homepage: string;
  /** Sources that need it; both when not said. */
  sources: ComponentSource[];
  build: BuildRecipe;
  release: ReleaseFile[];
  /** Programs that go to `bin/`. */
  bin: string[];
  /** Programs that go to `cni/`. */
  cni: string[];
  images: ImageRecipe[];
}

/** What a cluster of one Kubernetes minor is made of. */
export interface Catalogue {
  /** `v1.36.3` */
  kubernetesVersion: string;
  /** `1.36` */
  minor: string;
  components: Component[];
}
