import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { KubeDocument } from '../config/types.ts';
import { parseYaml } from '../config/yaml.ts';
import { EdgeadmError } from '../errors.ts';

export interface ManifestOptions {
  /** The user's `--manifests-dir`; a file of the same name there replaces the built-in one. */
  manifestsDir?: string;
  /** What `${name}` in a string of a manifest stands for. A string that is nothing else takes over the value's type. */
  values?: Readonly<Record<string, string | number | boolean>>;
}

/**
 * Folder of the built-in manifests: beside the program (bundled, packaged) or at the root of a source checkout.
 * Errors: E_INTERNAL when there is none.
 */
export function manifestsRoot(): string {
  for (const candidate of ['./manifests/', '../manifests/', '../../manifests/']) {
    const path = fileURLToPath(new URL(candidate, import.meta.url));
    if (existsSync(join(path, 'cni'))) return path;
  }
  throw new EdgeadmError('E_INTERNAL', 'the folder manifests/ is not beside the program', {
    hint: 'The installation is incomplete: unpack or install edgeadm again.',
  });
}

/**
 * Documents of the manifest `name`, a path below manifests/ without its ending: `cni/flannel`. Callers patch the objects.
 * Errors: E_CONFIG_YAML, E_CONFIG_INVALID (a user's file that is no manifest).
 */
export async function loadManifests(name: string, options: ManifestOptions = {}): Promise<KubeDocument[]> {
  const path =
    (options.manifestsDir && replacement(options.manifestsDir, name)) ??
    join(manifestsRoot(), `${name}.yaml`);
  const documents = parseYaml({ text: await readFile(path, 'utf8'), path });
  return documents
    .filter((document) => document !== null)
    .map((document, index) =>
      fill(identify(document, `${path}: document ${index + 1}`), options.values ?? {}),
    );
}

/** Names that `--manifests-dir` can replace, sorted: `cni/flannel`. */
export async function manifestNames(): Promise<string[]> {
  const entries = await readdir(manifestsRoot(), { recursive: true });
  return entries
    .map((entry) => entry.replaceAll('\\', '/'))
    .filter((entry) => entry.endsWith('.yaml') && !entry.startsWith('catalogue/'))
    .map((entry) => entry.slice(0, -'.yaml'.length))
    .sort();
}

/** Files of a user's folder that replace nothing, sorted. Errors: E_CONFIG_INVALID when there is no such folder. */
export async function unknownManifests(manifestsDir: string): Promise<string[]> {
  let entries: string[];
  try {
    entries = await readdir(manifestsDir, { recursive: true });
  } catch (cause) {
    throw new EdgeadmError('E_CONFIG_INVALID', `the manifests folder ${manifestsDir} cannot be read`, {
      hint: '--manifests-dir names a folder; `edgeadm manifests` fills one with the built-in files.',
      cause,
    });
  }
  const names = await manifestNames();
  const known = new Set(names.flatMap((name) => [`${name}.yaml`, `${basename(name)}.yaml`]));
  return entries.filter((entry) => /\.(ya?ml|json)$/.test(entry) && !known.has(entry)).sort();
}

/** `<dir>/cni/flannel.yaml`, or in a flat folder `<dir>/flannel.yaml`. */
function replacement(directory: string, name: string): string | undefined {
  return [`${name}.yaml`, `${basename(name)}.yaml`]
    .map((file) => join(directory, file))
    .find((file) => existsSync(file));
}

function identify(document: unknown, place: string): KubeDocument {
  const { apiVersion, kind } = (document ?? {}) as Partial<KubeDocument>;
  if (typeof apiVersion === 'string' && typeof kind === 'string') return document as KubeDocument;
  throw new EdgeadmError(
    'E_CONFIG_INVALID',
    `${place} is not a Kubernetes object: it has no apiVersion or no kind`,
    {
      hint: 'Compare it with the built-in file, which `edgeadm manifests` writes out.',
    },
  );
}

/** Values go into parsed strings, never into YAML text, so that no value can change the structure. */
function fill<T>(node: T, values: NonNullable<ManifestOptions['values']>): T {
  if (typeof node === 'string') {
    const whole = /^\$\{(\w+)\}$/.exec(node);
    if (whole && Object.hasOwn(values, whole[1]!)) return values[whole[1]!] as T;
    return node.replace(/\$\{(\w+)\}/g, (text, name) =>
      Object.hasOwn(values, name) ? String(values[name]) : text,
    ) as T;
  }
  if (Array.isArray(node)) return node.map((item) => fill(item, values)) as T;
  if (node === null || typeof node !== 'object') return node;
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, fill(value, values)])) as T;
}
