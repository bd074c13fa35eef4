import type { Segment } from '../archive/segments.ts';
import type { Arch } from '../types.ts';
import type { OciImage } from './image.ts';

export interface LayoutFile {
  /** Relative to the layout's folder. */
  path: string;
  content: readonly Segment[];
  size: number;
  sha256?: string;
}

/**
 * The files of one OCI layout with all images; what images share is there once.
 * Format: https://github.com/opencontainers/image-spec/blob/main/image-layout.md. The annotations are what
 * `ctr images import` takes names from (containerd core/images/annotations.go).
 */
export function layoutFiles(images: readonly OciImage[], arch: Arch): LayoutFile[] {
  const files = new Map<string, LayoutFile>();
  const add = (path: string, text: string) => {
    const bytes = Buffer.from(text);
    files.set(path, { path, content: [bytes], size: bytes.length });
  };
  const sorted = [...images].sort((a, b) => (a.name < b.name ? -1 : 1));
  add('oci-layout', JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  add(
    'index.json',
    JSON.stringify({
      schemaVersion: 2,
      mediaType: INDEX_TYPE,
      manifests: sorted.map((image) => descriptor(image, arch)),
    }),
  );
  for (const image of sorted) {
    for (const { digest, size, content } of [image.manifest, ...image.blobs]) {
      const sha256 = digest.slice('sha256:'.length);
      files.set(digest, { path: `blobs/sha256/${sha256}`, content, size, sha256 });
    }
  }
  return [...files.values()];
}

const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';

function descriptor(image: OciImage, arch: Arch): Record<string, unknown> {
  return {
    mediaType: image.mediaType,
    digest: image.manifest.digest,
    size: image.manifest.size,
    platform: { architecture: arch, os: 'linux' },
    annotations: {
      'io.containerd.image.name': image.name,
      'org.opencontainers.image.ref.name': image.name.slice(image.name.lastIndexOf(':') + 1),
    },
  };
}
