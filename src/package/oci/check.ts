import { EdgeadmError } from '../../errors.ts';
import { corrupt } from '../archive/frames.ts';
import type { PackageManifest } from '../types.ts';

const BLOBS = 'images/blobs/sha256/';

/**
 * Checks that the images of a package are one whole OCI layout: each blob has the name of its digest, each image of the
 * manifest is in the index under its name, and each has its manifest, configuration and layers.
 * `texts` holds the index and the image manifests by path. Errors: E_PACKAGE_CORRUPT, E_PACKAGE_INCOMPLETE.
 */
export function checkLayout(manifest: PackageManifest, texts: ReadonlyMap<string, Buffer>): void {
  const sizes = new Map<string, number>();
  for (const { path, sha256, size } of manifest.entries) {
    if (!path.startsWith(BLOBS)) continue;
    if (path !== BLOBS + sha256) throw corrupt(`${path} is not named after its content`);
    sizes.set(`sha256:${sha256}`, size);
  }
  if (manifest.images.length === 0) return;
  const index = parse(texts, 'images/index.json');
  parse(texts, 'images/oci-layout');
  const listed = new Map(
    list(index.manifests).map((each) => [record(each.annotations)['io.containerd.image.name'], each.digest]),
  );
  for (const { name, digest, blobs } of manifest.images) {
    if (listed.get(name) !== digest)
      throw corrupt(`images/index.json does not have ${name} as the manifest says`);
    const image = parse(texts, BLOBS + digest.slice('sha256:'.length));
    for (const part of [record(image.config), ...list(image.layers)]) {
      const size = sizes.get(String(part.digest));
      if (size === undefined) {
        throw new EdgeadmError(
          'E_PACKAGE_INCOMPLETE',
          `the install package lacks ${part.digest} of the image ${name}`,
          {
            hint: 'Build the package anew.',
          },
        );
      }
      if (blobs !== undefined && !blobs.includes(String(part.digest))) {
        throw corrupt(`the manifest does not list ${part.digest} of the image ${name}`);
      }
      if (size !== part.size) throw corrupt(`${part.digest} of the image ${name} has a wrong size`);
    }
  }
}

type Json = Record<string, unknown>;

function parse(texts: ReadonlyMap<string, Buffer>, path: string): Json {
  const text = texts.get(path);
  if (text === undefined) throw corrupt(`it lacks ${path}`);
  try {
    return record(JSON.parse(text.toString()));
  } catch (cause) {
    throw corrupt(`${path} is no JSON`, cause);
  }
}

function record(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}

function list(value: unknown): Json[] {
  return Array.isArray(value) ? value.map(record) : [];
}
