import { EdgeadmError } from '../errors.ts';
import { comparePaths } from './archive/tar.ts';
import { type Complain, Fields } from './fields.ts';
import type { Arch, PackageEntry, PackageManifest } from './types.ts';

export const MANIFEST = 'manifest.json';
export const SIGNATURE = 'manifest.json.sig';
const SCHEMA = 'edgeadm.superedge.io/package/v1';
const SHA256 = /^[0-9a-f]{64}$/;

/** The bytes of `manifest.json`: equal manifests give equal bytes. */
export function manifestBytes(manifest: Omit<PackageManifest, 'schema'>): Buffer {
  const { kubernetesVersion, arch, edgeadmVersion, components, images, entries } = manifest;
  const ordered = { schema: SCHEMA, kubernetesVersion, arch, edgeadmVersion, components, images, entries };
  return Buffer.from(`${JSON.stringify(ordered, null, 1)}\n`);
}

/**
 * Reads `manifest.json` and trusts none of it. Throws E_PACKAGE_CORRUPT for what is no manifest of this schema, and
 * E_PACKAGE_HOSTILE for an entry that must not be unpacked: see `checkPath`; one that is there twice, or differs from
 * another in upper and lower case only (they are one file on some file systems), or lies below another that is a file.
 */
export function parseManifest(bytes: Uint8Array): PackageManifest {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw corrupt(MANIFEST, 'is no JSON', cause);
  }
  const fields = new Fields(parsed, MANIFEST, corrupt);
  const schema = fields.string('schema');
  if (schema !== SCHEMA) {
    throw new EdgeadmError(
      'E_PACKAGE_CORRUPT',
      `${MANIFEST}: schema is ${JSON.stringify(schema)}, not ${SCHEMA}`,
      {
        hint: 'The package was made by another version of edgeadm: use that one, or build the package anew.',
      },
    );
  }
  const manifest: PackageManifest = {
    schema,
    kubernetesVersion: fields.string('kubernetesVersion', /^v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/),
    arch: fields.string('arch', ['amd64', 'arm64']) as Arch,
    edgeadmVersion: fields.string('edgeadmVersion'),
    components: fields.objects('components').map((component) =>
      readAll(component, {
        name: component.string('name'),
        version: component.string('version'),
        source: component.string('source', ['gomod', 'release']) as 'gomod' | 'release',
        licence: component.string('licence'),
        origin: component.string('origin'),
      }),
    ),
    images: fields.objects('images').map((image) =>
      readAll(image, {
        name: image.string('name'),
        digest: image.string('digest', /^sha256:[0-9a-f]{64}$/),
        components: image.strings('components'),
        blobs: image.strings('blobs'),
      }),
    ),
    entries: fields.objects('entries').map(readEntry),
  };
  fields.end();
  checkEntries(manifest.entries);
  return manifest;
}

function readAll<T>(fields: Fields, value: T): T {
  fields.end();
  return value;
}

function readEntry(fields: Fields): PackageEntry {
  const entry = {
    path: fields.string('path'),
    size: fields.count('size'),
    sha256: fields.string('sha256', SHA256),
    mode: fields.count('mode'),
  };
  if (entry.mode !== 0o755 && entry.mode !== 0o644) throw fields.wrong('mode', 'must be 0755 or 0644');
  fields.end();
  return entry;
}

function checkEntries(entries: readonly PackageEntry[]): void {
  const folded = new Map<string, string>();
  let previous: string | undefined;
  for (const { path } of entries) {
    checkPath(path);
    if (path === MANIFEST || path === SIGNATURE) throw hostile(path, 'describes itself');
    const fold = path.toLowerCase().normalize('NFC');
    const twin = folded.get(fold);
    if (twin === path) throw hostile(path, 'is there twice');
    if (twin !== undefined) throw hostile(path, `differs from ${twin} only in upper and lower case`);
    folded.set(fold, path);
    if (previous !== undefined && comparePaths(previous, path) > 0)
      throw corrupt(MANIFEST, `is not sorted at ${path}`);
    previous = path;
  }
  for (const { path } of entries) {
    for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) {
      const parent = folded.get(path.slice(0, at).toLowerCase().normalize('NFC'));
      if (parent !== undefined) throw hostile(path, `lies below ${parent}, which is a file`);
    }
  }
}

/** Throws E_PACKAGE_HOSTILE unless a path is relative, has no empty, `.` or `..` part, and only printable ASCII. */
export function checkPath(path: string): void {
  if (path.startsWith('/')) throw hostile(path, 'has an absolute path');
  if (!/^[\x21-\x5b\x5d-\x7e]+$/.test(path)) throw hostile(path, 'has a path with odd characters');
  if (path.split('/').some((part) => part === '' || part === '.' || part === '..')) {
    throw hostile(path, 'has a path that leaves its folder or goes round');
  }
}

export function hostile(path: string, what: string): EdgeadmError {
  return new EdgeadmError(
    'E_PACKAGE_HOSTILE',
    `the install package has an entry that must not be unpacked: ${JSON.stringify(path)} ${what}`,
    {
      hint: 'Nothing was unpacked. No `edgeadm package build` makes such a package: find out where it came from.',
    },
  );
}

const corrupt = ((place: string, wrong: string, cause?: unknown) =>
  new EdgeadmError('E_PACKAGE_CORRUPT', `the install package cannot be read: ${place} ${wrong}`, {
    hint: 'Copy or download it again, or build it anew.',
    cause,
  })) satisfies Complain;
