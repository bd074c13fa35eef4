import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PackageImage } from '../../src/package/types.ts';

const nameKey = 'io.containerd.image.name';

export interface ImageLayout {
  /** An OCI image layout with just the chosen images, its blobs hard links to the package's. */
  folder: string;
  /** Each once: SHA-256 in hex, and the file in the package. */
  blobs: { sha256: string; path: string }[];
  remove(): Promise<void>;
}

/** Makes a layout of some images of the package at `root`, under the names that they have on this host. */
export async function selectLayout(
  root: string,
  images: readonly PackageImage[],
  rename: (name: string) => string,
): Promise<ImageLayout> {
  const source = join(root, 'images');
  const folder = join(root, '.import');
  const remove = () => rm(folder, { recursive: true, force: true });
  await remove();
  await mkdir(join(folder, 'blobs/sha256'), { recursive: true, mode: 0o700 });
  const index = JSON.parse(await readFile(join(source, 'index.json'), 'utf8')) as {
    manifests: { digest: string; annotations?: Record<string, string> }[];
  };
  const linked = new Set<string>();
  const take = async (digest: string) => {
    if (linked.has(digest)) return;
    linked.add(digest);
    await link(join(source, blobPath(digest)), join(folder, blobPath(digest)));
  };
  const names = new Set(images.map(({ name }) => name));
  const manifests = index.manifests.filter(({ annotations }) => names.has(annotations?.[nameKey] ?? ''));
  for (const { digest } of manifests) {
    await take(digest);
    const manifest = JSON.parse(await readFile(join(source, blobPath(digest)), 'utf8')) as {
      config: { digest: string };
      layers: { digest: string }[];
    };
    for (const part of [manifest.config, ...manifest.layers]) await take(part.digest);
  }
  const renamed = manifests.map((entry) => ({
    ...entry,
    annotations: { ...entry.annotations, [nameKey]: rename(entry.annotations?.[nameKey] ?? '') },
  }));
  await writeFile(join(folder, 'index.json'), JSON.stringify({ ...index, manifests: renamed }));
  await link(join(source, 'oci-layout'), join(folder, 'oci-layout'));
  const blobs = [...linked].map((digest) => ({
    sha256: digest.replace('sha256:', ''),
    path: join(source, blobPath(digest)),
  }));
  return { folder, blobs, remove };
}

const blobPath = (digest: string): string => join('blobs', digest.replace(':', '/'));
