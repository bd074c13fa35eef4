import { publishedRepository } from '../edge/controller/image-name.ts';
import { EdgeadmError } from '../errors.ts';
import { readSegments, type Segment } from './archive/segments.ts';
import { type TarEntry, tarSegments } from './archive/tar.ts';
import { LIBRARIES } from './catalogue/names.ts';
import type { ImageRecipe } from './catalogue/types.ts';
import { sha256Hex } from './hash.ts';
import { type Blob, blob, MANIFEST_TYPE, type OciImage } from './oci/image.ts';
import { withParents } from './oci/layer.ts';
import type { Program } from './program/entries.ts';
import type { FetchedComponent, FetchOptions, Source } from './sources/source.ts';
import type { Arch } from './types.ts';

/** Where the program lies in its image, as on a host. */
const FOLDER = 'usr/local/lib/edgeadm';
/** Debian's glibc, libgcc and libstdc++ and nothing else, for the source that pulls. */
const PUBLISHED_LIBRARIES = 'gcr.io/distroless/cc-debian12:nonroot';
/** V8's young generation would grow to 48 MiB, and its helper threads and glibc's arenas cost memory of their own. */
const NODE_FLAGS = ['--max-semi-space-size=1', '--max-old-space-size=64', '--v8-pool-size=0'];
const ENVIRONMENT = ['PATH=/usr/local/bin:/usr/bin:/bin', 'MALLOC_ARENA_MAX=1'];

const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json';
const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar';

export interface ControllerImageInput {
  source: Source;
  fetched: ReadonlyMap<string, FetchedComponent>;
  program: Program;
  arch: Arch;
  options: FetchOptions;
}

/** What lies below: layers as a manifest lists them, and their content. */
interface Base {
  layers: { mediaType: string; digest: string; size: number }[];
  /** Digests of the layers when unpacked. */
  diffIds: string[];
  blobs: Blob[];
  components: string[];
}

/**
 * The image of edgeadm itself, for its in-cluster controller: the program and the Node.js of the package on the
 * libraries that Node.js links. No shell, no user but 65532. Node.js has a layer of its own, which stays the same
 * from one build to the next.
 * Errors: E_PACKAGE_BUILD, and those of the source.
 */
export async function controllerImage(
  input: ControllerImageInput,
): Promise<{ image: OciImage; components: string[] }> {
  const { program, arch } = input;
  const name = `${publishedRepository}/edgeadm:v${program.version}`;
  const base = await libraries(input, name);
  const runtime = program.files.filter((file) => file.name === 'node');
  const own = program.files.filter((file) => /^(cli\.js|package\.json|chunks\/.*)$/.test(file.name));
  if (runtime.length !== 1 || !own.some((file) => file.name === 'cli.js')) {
    throw new EdgeadmError('E_PACKAGE_BUILD', `${name}: the program has no node or no cli.js`);
  }
  const cache = input.options.cacheDirectory;
  const layers = [await programLayer(runtime, cache), await programLayer(own, cache)];
  const config = json({
    created: '1970-01-01T00:00:00Z',
    architecture: arch,
    os: 'linux',
    config: {
      User: '65532:65532',
      Env: ENVIRONMENT,
      Entrypoint: [`/${FOLDER}/node`, ...NODE_FLAGS, `/${FOLDER}/cli.js`, 'controller'],
      WorkingDir: '/',
      Labels: {
        'org.opencontainers.image.licenses': 'Apache-2.0 AND MIT',
        'org.opencontainers.image.title': 'edgeadm',
        'org.opencontainers.image.version': `v${program.version}`,
      },
    },
    // A layer that is not compressed is its own diff.
    rootfs: { type: 'layers', diff_ids: [...base.diffIds, ...layers.map(({ digest }) => digest)] },
  });
  const manifest = json({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: { mediaType: CONFIG_TYPE, digest: config.digest, size: config.size },
    layers: [...base.layers, ...layers.map(({ digest, size }) => ({ mediaType: LAYER_TYPE, digest, size }))],
  });
  return {
    image: { name, manifest, mediaType: MANIFEST_TYPE, blobs: [config, ...base.blobs, ...layers] },
    components: ['edgeadm', 'node', ...base.components],
  };
}

async function libraries(input: ControllerImageInput, name: string): Promise<Base> {
  const { source, fetched, arch, options } = input;
  const rootfs = fetched.get(LIBRARIES)?.rootfs;
  if (rootfs) {
    const digest = `sha256:${rootfs.sha256}`;
    const layer = { digest, size: rootfs.size };
    return {
      layers: [{ mediaType: LAYER_TYPE, ...layer }],
      diffIds: [digest],
      blobs: [{ ...layer, content: [rootfs] }],
      components: [LIBRARIES],
    };
  }
  const owner = fetched.get(LIBRARIES);
  if (source.name === 'gomod' || owner === undefined) {
    throw new EdgeadmError('E_PACKAGE_BUILD', `${name}: no component ${LIBRARIES} to lie on`, {
      hint: 'Name it in the file of this Kubernetes minor in manifests/catalogue.',
    });
  }
  const recipe: ImageRecipe = {
    name: PUBLISHED_LIBRARIES,
    purpose: 'control-plane',
    files: {},
    entrypoint: [],
  };
  return baseOf(await source.fetchImage(recipe, owner, fetched, arch, options));
}

/** An image without its own manifest and configuration. */
async function baseOf(image: OciImage): Promise<Base> {
  const { config, layers } = (await parse(image.manifest)) as {
    config: { digest: string };
    layers: Base['layers'];
  };
  const content = (digest: string) => image.blobs.find((each) => each.digest === digest);
  const settings = content(config.digest);
  const blobs = layers.map(({ digest }) => content(digest)).filter((each) => each !== undefined);
  if (!settings || blobs.length !== layers.length) {
    throw new EdgeadmError('E_PACKAGE_BUILD', `${image.name} names a blob that was not fetched`);
  }
  const { rootfs } = (await parse(settings)) as { rootfs: { diff_ids: string[] } };
  return {
    layers: layers.map(({ mediaType, digest, size }) => ({ mediaType: ociType(mediaType), digest, size })),
    diffIds: rootfs.diff_ids,
    blobs,
    components: [],
  };
}

/** Docker's name of a compressed layer, which an OCI manifest must not have. */
const ociType = (mediaType: string) =>
  mediaType === 'application/vnd.docker.image.rootfs.diff.tar.gzip'
    ? 'application/vnd.oci.image.layer.v1.tar+gzip'
    : mediaType;

function programLayer(files: Program['files'], cacheDirectory: string): Promise<Blob> {
  const entries = files.map(
    ({ name, mode, content }): TarEntry => ({ path: `${FOLDER}/${name}`, type: 'file', mode, content }),
  );
  return blob(tarSegments(withParents(entries)), cacheDirectory);
}

async function parse({ content }: { content: readonly Segment[] }): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readSegments(content)) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString());
}

function json(value: unknown): Blob {
  const bytes = Buffer.from(JSON.stringify(value));
  return { digest: `sha256:${sha256Hex(bytes)}`, size: bytes.length, content: [bytes] };
}
