import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { EdgeadmError } from '../errors.ts';
import type { Arch, ComponentSource, PackageManifest, PackageNeeds } from '../package/types.ts';
import type { Emit } from '../workflow/events.ts';

export interface PackageRun {
  emit: Emit;
  signal: AbortSignal;
}

export interface PackageBuildOptions {
  /** `v1.36.3` or `1.36`; default what `config` says, else the newest minor of the catalogue. */
  kubernetesVersion?: string | undefined;
  /** Default `gomod`. */
  source?: ComponentSource | undefined;
  /** Default this machine's. */
  arch?: Arch | undefined;
  /** File to write; default in edgeadm's cache folder. */
  output?: string | undefined;
  /** PEM file of an Ed25519 private key. */
  signKey?: string | undefined;
  /** `release`: `HOST[:PORT][/PATH]` for all images, or `FROM=TO` for those of one registry; may be repeated. */
  registry?: readonly string[] | undefined;
  /** `release`: base URL of a mirror of all hosts, or `HOST=URL` for one; may be repeated. */
  mirror?: readonly string[] | undefined;
  /** Configuration file of the cluster that it is for. */
  config?: string | undefined;
}

export interface PackageBuildResult {
  /** What people read. */
  text: string;
  path: string;
  /** SHA-256 of the package's manifest. */
  digest: string;
  kubernetesVersion: string;
  arch: Arch;
  signed: boolean;
  /** Bytes of the file. */
  size: number;
}

/** Builds an install package. Errors: E_PACKAGE_BUILD, _SOURCE, _CORRUPT, _SIGNATURE; E_CONFIG_*; E_USAGE; E_HOST_WRITE. */
export async function packageBuild(
  options: PackageBuildOptions,
  run: PackageRun,
): Promise<PackageBuildResult> {
  const { buildPackage } = await import('../package/build.ts');
  const wanted = options.config === undefined ? undefined : await configNeeds(options.config);
  const version = options.kubernetesVersion ?? wanted?.kubernetesVersion;
  const signKey = options.signKey === undefined ? undefined : await readKey(options.signKey, 'sign-key');
  const { path, digest, size, manifest } = await buildPackage({
    source: await openSource(options),
    ...(version !== undefined && { kubernetesVersion: version }),
    ...(options.arch !== undefined && { arch: options.arch }),
    ...(options.output !== undefined && { output: options.output }),
    ...(signKey !== undefined && { signKey }),
    ...run,
  });
  const { arch, kubernetesVersion } = manifest;
  const signed = signKey !== undefined;
  const facts = `Kubernetes ${kubernetesVersion}, ${arch}, ${mebibytes(size)}${signed ? ', signed' : ''}`;
  return {
    text: `${path}\n  ${facts}\n  digest ${digest}`,
    path,
    digest,
    size,
    arch,
    kubernetesVersion,
    signed,
  };
}

export interface PackageVerifyOptions {
  /** PEM file of an Ed25519 public key. */
  publicKey?: string | undefined;
  /** Configuration file of the cluster that it must suffice for; default a cluster with all defaults. */
  config?: string | undefined;
  /** Must be of this version. */
  kubernetesVersion?: string | undefined;
  /** Default the package's own: one may verify for another machine. */
  arch?: Arch | undefined;
}

export interface PackageVerifyResult {
  text: string;
  location: string;
  digest: string;
  kubernetesVersion: string;
  arch: Arch;
  /** Whether `publicKey` signed it; false when none was given. */
  signed: boolean;
  entries: number;
  /** Bytes of content. */
  size: number;
  /** What it was compared with. */
  needs: PackageNeeds;
}

/** Proves integrity, signature and completeness of a file, folder or URL. Errors: E_PACKAGE_*, E_CONFIG_*. */
export async function packageVerify(
  location: string,
  options: PackageVerifyOptions,
  run: PackageRun,
): Promise<PackageVerifyResult> {
  const { verifyPackage } = await import('../package/verify.ts');
  const { needsFor } = await import('../package/needs.ts');
  const opened = await open(location, options.publicKey, run);
  const { manifest, digest, signed } = opened;
  const wanted = options.config === undefined ? undefined : await configNeeds(options.config);
  const needs = await needsFor({
    edge: true,
    cni: 'flannel',
    ha: false,
    ...wanted,
    kubernetesVersion: options.kubernetesVersion ?? wanted?.kubernetesVersion ?? manifest.kubernetesVersion,
    arch: options.arch ?? manifest.arch,
  });
  await verifyPackage(opened, needs, {
    signal: run.signal,
    onProgress: (done, total) =>
      run.emit({ type: 'progress', step: 'verify package', done, total, unit: 'bytes' }),
  });
  const { kubernetesVersion, arch } = manifest;
  const entries = manifest.entries.length;
  const size = contentSize(manifest);
  const signature = signed ? 'signed with the given key' : 'signature not checked (no --public-key)';
  const { binaries, cni, images } = needs;
  const text = [
    `${location}: ok`,
    `  Kubernetes ${kubernetesVersion}, ${arch}; ${entries} entries, ${mebibytes(size)}; ${signature}`,
    `  has the ${binaries.length} programs, ${cni.length} CNI plugins and ${images.length} images that are needed`,
  ].join('\n');
  return { text, location, digest, kubernetesVersion, arch, signed, entries, size, needs };
}

export interface PackageInspectResult {
  text: string;
  location: string;
  digest: string;
  manifest: PackageManifest;
  /** Bytes of content. */
  size: number;
}

/** What a package says of itself; reads and checks the manifest only. */
export async function packageInspect(location: string, run: PackageRun): Promise<PackageInspectResult> {
  const { digest, manifest } = await open(location, undefined, run);
  const { components, images, entries } = manifest;
  const size = contentSize(manifest);
  const width = Math.max(...components.map(({ name }) => name.length));
  const text = [
    `Kubernetes ${manifest.kubernetesVersion}, ${manifest.arch}, made by edgeadm ${manifest.edgeadmVersion}`,
    `digest ${digest}; ${entries.length} entries, ${mebibytes(size)}`,
    'Components:',
    ...components.map(
      (each) => `  ${each.name.padEnd(width)}  ${each.version}  ${each.licence}  (${each.origin})`,
    ),
    'Images:',
    ...images.map(({ name }) => `  ${name}`),
  ].join('\n');
  return { text, location, digest, manifest, size };
}

async function openSource(options: PackageBuildOptions) {
  const { mirror = [], registry = [] } = options;
  if (options.source === 'release') {
    const { releaseSource } = await import('../package/sources/release.ts');
    const { parseMirrors } = await import('../package/sources/mirrors.ts');
    return releaseSource(parseMirrors(mirror, registry));
  }
  if (mirror.length + registry.length > 0) {
    throw new EdgeadmError('E_USAGE', '--mirror and --registry are for --source release', {
      hint: 'The gomod source takes its proxy from the environment: GOPROXY, GOPRIVATE (go help environment).',
    });
  }
  const { gomodSource } = await import('../package/sources/gomod.ts');
  return gomodSource();
}

async function open(location: string, publicKeyFile: string | undefined, run: PackageRun) {
  const { openPackage } = await import('../package/open.ts');
  const publicKey = publicKeyFile === undefined ? undefined : await readKey(publicKeyFile, 'public-key');
  return openPackage(location, { ...run, ...(publicKey !== undefined && { publicKey }) });
}

/** Never says more of a key than its file's name. */
async function readKey(path: string, flag: string): Promise<string> {
  return readFile(resolve(path), 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new EdgeadmError('E_PACKAGE_SIGNATURE', `cannot read the key ${path}: ${cause.code}`, {
      hint: `Give a PEM file with --${flag}.`,
    });
  });
}

/** What a configuration file says that a package must have. */
async function configNeeds(path: string) {
  const [{ readConfigFile }, { resolveInit }, { machineFacts }] = await Promise.all([
    import('../config/read.ts'),
    import('../config/init.ts'),
    import('./machine.ts'),
  ]);
  const config = await readConfigFile(resolve(path));
  const settings = resolveInit({ flags: {}, config, machine: await machineFacts() });
  return {
    kubernetesVersion: settings.kubernetesVersion,
    edge: settings.edge.enabled,
    cni: settings.edge.cni.name,
    ha: settings.edge.ha.provider === 'kube-vip' && settings.controlPlaneEndpoint !== undefined,
    addons: settings.edge.addons,
  };
}

function contentSize(manifest: PackageManifest): number {
  return manifest.entries.reduce((sum, { size }) => sum + size, 0);
}

function mebibytes(bytes: number): string {
  return `${(bytes / (1 << 20)).toFixed(1)} MiB`;
}
