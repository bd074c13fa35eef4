import { join, resolve } from 'node:path';
import { EdgeadmError } from '../errors.ts';
import type { Emit } from '../workflow/events.ts';
import { hashSegments, type Segment, segmentsSize } from './archive/segments.ts';
import { comparePaths } from './archive/tar.ts';
import { type ContentEntry, writePackageFile } from './archive/write.ts';
import { builtNote, findBuilt, noteBuilt } from './built.ts';
import { loadCatalogue } from './catalogue/load.ts';
import { LIBRARIES } from './catalogue/names.ts';
import type { Catalogue, Component } from './catalogue/types.ts';
import { controllerImage } from './controller-image.ts';
import { sha256Hex } from './hash.ts';
import { MANIFEST, manifestBytes, SIGNATURE } from './manifest.ts';
import type { OciImage } from './oci/image.ts';
import { layoutFiles } from './oci/layout.ts';
import { type Program, programEntries } from './program/entries.ts';
import { programInputs } from './program/files.ts';
import { sbom } from './sbom.ts';
import { signManifest } from './sign.ts';
import { cacheDirectory } from './sources/cache.ts';
import { pruneCache } from './sources/prune.ts';
import { runTool } from './sources/run.ts';
import type { FetchedComponent, FetchedFile, FetchOptions, Source } from './sources/source.ts';
import type { Arch, PackageComponent, PackageImage, PackageManifest } from './types.ts';

export interface BuildOptions {
  /** `v1.36.3` or `1.36`; default the newest minor of the catalogue. */
  kubernetesVersion?: string;
  arch?: Arch;
  source: Source;
  /** Default `<cache>/packages/edgeadm-<version>-linux-<arch>.tar.zst`. */
  output?: string;
  /** PEM of the Ed25519 private key to sign with. */
  signKey?: string;
  /** Default `$XDG_CACHE_HOME/edgeadm`. */
  cacheDirectory?: string;
  emit: Emit;
  signal?: AbortSignal;
  /** For tests: another catalogue or program. */
  catalogue?: Catalogue;
  program?: Program;
}

export interface BuiltPackage {
  /** Absolute path of the file. */
  path: string;
  manifest: PackageManifest;
  /** SHA-256 of the manifest, hex. */
  digest: string;
  /** Bytes of the file. */
  size: number;
}

/** Name of a package file: `edgeadm-v1.36.3-linux-amd64.tar.zst`. */
function packageFileName(kubernetesVersion: string, arch: Arch): string {
  return `edgeadm-${kubernetesVersion}-linux-${arch}.tar.zst`;
}

/**
 * Builds an install package. The same inputs give the same bytes, and a file that is there with them is left as it is.
 * Errors: E_PACKAGE_BUILD, E_PACKAGE_SOURCE, E_PACKAGE_CORRUPT (a download with a wrong sum), E_HOST_WRITE.
 */
export async function buildPackage(options: BuildOptions): Promise<BuiltPackage> {
  const { source, emit, signal } = options;
  const arch = options.arch ?? hostArch();
  const cache = options.cacheDirectory ?? cacheDirectory();
  const catalogue = options.catalogue ?? (await loadCatalogue(options.kubernetesVersion));
  const components = catalogue.components.filter(({ sources }) => sources.includes(source.name));
  const fetch: FetchOptions = { cacheDirectory: cache, emit, ...(signal && { signal }) };
  const output = resolve(
    options.output ?? join(cache, 'packages', packageFileName(catalogue.kubernetesVersion, arch)),
  );

  await source.prepare(components, arch, fetch);
  const fetched = new Map<string, FetchedComponent>();
  for (const component of components) {
    signal?.throwIfAborted();
    emit({
      type: 'progress',
      step: 'components',
      done: fetched.size,
      total: components.length,
      unit: 'items',
    });
    fetched.set(component.name, await source.fetchComponent(component, arch, fetch));
  }
  const images = await fetchImages(source, fetched, arch, fetch);
  const note = builtNote(cache, {
    ...{ output, catalogue, arch, source: source.name, fetched: [...fetched.values()] },
    images: images.map(({ image }) => image.manifest.digest),
    program: options.program?.files ?? (await programInputs()),
    signKey: options.signKey,
  });
  const known = await findBuilt(note, output);
  if (known) return { path: output, ...known };
  await checkKubeadmImages(catalogue, fetched, arch, signal);
  const program = options.program ?? (await programEntries(arch, fetch));
  try {
    if (fetched.has(LIBRARIES)) {
      images.push(await controllerImage({ source, fetched, program, arch, options: fetch }));
    }
    const listed = [
      ...[...fetched.values()].map((each) => listComponent(each, source)),
      ...program.components,
    ];
    const bill = sbom({ catalogue, arch, fetched: [...fetched.values()], program });
    const entries = await toEntries([
      ...installedPrograms(fetched),
      ...layoutFiles(
        images.map(({ image }) => image),
        arch,
      ).map((file) => ({ ...file, path: `images/${file.path}`, mode: 0o644 })),
      ...program.files.map(({ name, ...file }) => ({ ...file, path: `edgeadm/${name}` })),
      { path: 'sbom.cdx.json', mode: 0o644, content: [bill] },
    ]);
    const bytes = manifestBytes({
      kubernetesVersion: catalogue.kubernetesVersion,
      arch,
      edgeadmVersion: program.version,
      components: listed.sort((a, b) => (a.name < b.name ? -1 : 1)),
      images: images
        .map(({ image, components }) => listImage(image, components))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
      entries: entries.map(({ path, size, sha256, mode }) => ({ path, size, sha256, mode })),
    });
    const head = [bytesEntry(MANIFEST, bytes)];
    if (options.signKey !== undefined)
      head.push(bytesEntry(SIGNATURE, Buffer.from(signManifest(bytes, options.signKey))));
    await writePackageFile(output, head, entries, {
      cacheDirectory: cache,
      ...(signal && { signal }),
      onProgress: (done, total) =>
        emit({ type: 'progress', step: 'write package', done, total, unit: 'bytes' }),
    });
    await pruneCache(cache);
    return { path: output, ...(await noteBuilt(note, output)) };
  } finally {
    await program.dispose();
  }
}

/** Architecture of this machine. Throws E_PACKAGE_BUILD for one that there are no packages for. */
export function hostArch(): Arch {
  if (process.arch === 'x64') return 'amd64';
  if (process.arch === 'arm64') return 'arm64';
  throw new EdgeadmError('E_PACKAGE_BUILD', `no install packages for the architecture ${process.arch}`, {
    hint: 'Pass --arch amd64 or --arch arm64.',
  });
}

async function fetchImages(
  source: Source,
  fetched: ReadonlyMap<string, FetchedComponent>,
  arch: Arch,
  options: FetchOptions,
): Promise<{ image: OciImage; components: string[] }[]> {
  const images: { image: OciImage; components: string[] }[] = [];
  for (const owner of fetched.values()) {
    for (const recipe of owner.component.images) {
      options.signal?.throwIfAborted();
      options.emit({ type: 'progress', step: `image ${recipe.name}` });
      const image = await source.fetchImage(recipe, owner, fetched, arch, options);
      const base = source.name === 'gomod' && recipe.base !== undefined ? [recipe.base] : [];
      images.push({ image, components: [owner.component.name, ...base] });
    }
  }
  return images;
}

/** The catalogue must name the very images that the packaged kubeadm will ask for. */
async function checkKubeadmImages(
  catalogue: Catalogue,
  fetched: ReadonlyMap<string, FetchedComponent>,
  arch: Arch,
  signal: AbortSignal | undefined,
): Promise<void> {
  const kubeadm = fetched.get('kubernetes')?.programs.kubeadm;
  // Only a program of this machine's architecture can be asked.
  if (kubeadm === undefined || process.arch !== (arch === 'amd64' ? 'x64' : arch)) return;
  const args = ['config', 'images', 'list', '--kubernetes-version', catalogue.kubernetesVersion];
  const listed = await runTool(kubeadm.path, args, { signal, step: 'ask kubeadm for its images' });
  const known = new Set(catalogue.components.flatMap(({ images }) => images.map(({ name }) => name)));
  const missing = listed.split('\n').filter((name) => name !== '' && !known.has(name));
  if (missing.length === 0) return;
  throw new EdgeadmError(
    'E_PACKAGE_BUILD',
    `kubeadm ${catalogue.kubernetesVersion} wants images that the catalogue lacks: ${missing.join(', ')}`,
    {
      hint: `Set the versions of etcd, coredns and pause in manifests/catalogue/v${catalogue.minor}.yaml.`,
    },
  );
}

interface Draft {
  path: string;
  mode: number;
  content: readonly Segment[];
  /** When it is known already. */
  sha256?: string;
}

function installedPrograms(fetched: ReadonlyMap<string, FetchedComponent>): Draft[] {
  const pick = (owner: FetchedComponent, folder: string, name: string): Draft => {
    const file = owner.programs[name];
    if (file === undefined) {
      throw new EdgeadmError(
        'E_PACKAGE_BUILD',
        `the component ${owner.component.name} gave no program ${name}`,
      );
    }
    return { path: `${folder}/${name}`, mode: 0o755, ...fromFile(file) };
  };
  return [...fetched.values()].flatMap((owner) => [
    ...owner.component.bin.map((name) => pick(owner, 'bin', name)),
    ...owner.component.cni.map((name) => pick(owner, 'cni', name)),
  ]);
}

function fromFile({ path, size, sha256 }: FetchedFile): { content: Segment[]; sha256: string } {
  return { content: [{ path, size }], sha256 };
}

async function toEntries(drafts: readonly Draft[]): Promise<ContentEntry[]> {
  const entries = await Promise.all(
    drafts.map(async ({ path, mode, content, sha256 }) => ({
      path,
      mode,
      content,
      size: segmentsSize(content),
      sha256: sha256 ?? (await hashSegments(content)),
    })),
  );
  return entries.sort((a, b) => comparePaths(a.path, b.path));
}

function bytesEntry(path: string, bytes: Buffer): ContentEntry {
  return { path, mode: 0o644, size: bytes.length, sha256: sha256Hex(bytes), content: [bytes] };
}

function listComponent({ component, origin }: FetchedComponent, source: Source): PackageComponent {
  const { name, version, licence }: Component = component;
  return { name, version, source: source.name, licence, origin };
}

function listImage(image: OciImage, components: string[]): PackageImage {
  const blobs = [image.manifest, ...image.blobs].map(({ digest }) => digest).sort();
  return { name: image.name, digest: image.manifest.digest, components, blobs };
}
