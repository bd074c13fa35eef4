import { digestOf } from '../archive/digest.ts';
import { type Segment, segmentsSize } from '../archive/segments.ts';
import { sha256Hex } from '../hash.ts';
import type { Arch } from '../types.ts';

/** One content-addressed file of an OCI layout. */
export interface Blob {
  /** `sha256:…` */
  digest: string;
  size: number;
  content: readonly Segment[];
}

export interface OciImage {
  /** Full reference: `registry.k8s.io/pause:3.10.2`. */
  name: string;
  manifest: Blob;
  /** Media type of the manifest. */
  mediaType: string;
  /** Everything that the manifest names. */
  blobs: Blob[];
}

export interface ImageSettings {
  arch: Arch;
  entrypoint: readonly string[];
  labels: Readonly<Record<string, string>>;
}

export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json';
/** Not compressed: the package as a whole is, and an import is then fastest. */
const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar';
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** A blob of this content; see `digestOf` for the cache. */
export async function blob(content: readonly Segment[], cacheDirectory?: string): Promise<Blob> {
  return {
    digest: `sha256:${await digestOf(content, cacheDirectory)}`,
    size: segmentsSize(content),
    content,
  };
}

/**
 * An image of uncompressed layers, lowest first (a layer is a tar).
 * Format: https://github.com/opencontainers/image-spec, config.md and manifest.md.
 */
export function composeImage(name: string, layers: readonly Blob[], settings: ImageSettings): OciImage {
  const config = jsonBlob({
    created: '1970-01-01T00:00:00Z',
    architecture: settings.arch,
    os: 'linux',
    config: {
      Env: [`PATH=${PATH}`],
      ...(settings.entrypoint.length > 0 && { Entrypoint: settings.entrypoint }),
      WorkingDir: '/',
      Labels: settings.labels,
    },
    // A layer that is not compressed is its own diff.
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.digest) },
  });
  const manifest = jsonBlob({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: { mediaType: CONFIG_TYPE, digest: config.digest, size: config.size },
    layers: layers.map((layer) => ({ mediaType: LAYER_TYPE, digest: layer.digest, size: layer.size })),
  });
  return { name, manifest, mediaType: MANIFEST_TYPE, blobs: [config, ...layers] };
}

function jsonBlob(value: unknown): Blob {
  const bytes = Buffer.from(JSON.stringify(value));
  return { digest: `sha256:${sha256Hex(bytes)}`, size: bytes.length, content: [bytes] };
}
