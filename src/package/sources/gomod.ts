import { join } from 'node:path';
import { EdgeadmError } from '../../errors.ts';
import type { Component, ImageRecipe } from '../catalogue/types.ts';
import { composeImage, type OciImage } from '../oci/image.ts';
import { programLayer } from '../oci/layer.ts';
import type { Arch } from '../types.ts';
import { cached } from './cache.ts';
import { extractDebian } from './debian.ts';
import { buildGo, goInputs } from './go.ts';
import { buildNative, nativeInputs } from './native.ts';
import type { Dependency, FetchedComponent, FetchedFile, FetchOptions, Source } from './source.ts';
import { type ToolVersions, toolVersions } from './tools.ts';
import { checkWrappers } from './wrappers.ts';

/** Changes when the code here makes other bytes from the same recipe. */
const REVISION = 1;

interface Facts {
  programs: Record<string, { size: number; sha256: string }>;
  rootfs?: { size: number; sha256: string };
  dependencies: Dependency[];
}

/** Builds components from their Go modules (and a few of Debian's packages); see docs/package.md. */
export function gomodSource(): Source {
  let tools: Promise<ToolVersions> | undefined;
  return {
    name: 'gomod',
    async prepare(components, arch) {
      await checkWrappers(components);
      tools ??= toolVersions(components, arch);
      await tools;
    },
    async fetchComponent(component, arch, options) {
      await checkWrappers([component]);
      tools ??= toolVersions([component], arch);
      return fetchComponent(component, arch, await tools, options);
    },
    fetchImage: composeFromPrograms,
  };
}

async function fetchComponent(
  component: Component,
  arch: Arch,
  tools: ToolVersions,
  options: FetchOptions,
): Promise<FetchedComponent> {
  const { go, c, debian } = component.build;
  const inputs = {
    revision: REVISION,
    ...(go && { go: await goInputs(component, arch, tools) }),
    ...(c && { c: await nativeInputs(component, arch, tools) }),
    ...(debian && { debian, arch, extraction: 2 }),
  };
  const { folder, facts } = await cached<Facts>(options.cacheDirectory, inputs, async (partial) => {
    const programs: Record<string, FetchedFile> = {};
    const made: Facts = { programs: {}, dependencies: [] };
    if (go) {
      const built = await buildGo(component, arch, partial, options);
      Object.assign(programs, built.programs);
      made.dependencies.push(...built.dependencies);
    }
    if (c) Object.assign(programs, await buildNative(component, arch, partial, options));
    if (debian) {
      const extracted = await extractDebian(component, arch, partial, programs, options);
      made.rootfs = { size: extracted.rootfs.size, sha256: extracted.rootfs.sha256 };
      made.dependencies.push(...extracted.dependencies);
    }
    for (const [name, { size, sha256 }] of Object.entries(programs)) made.programs[name] = { size, sha256 };
    return made;
  });
  return {
    component,
    programs: Object.fromEntries(
      Object.entries(facts.programs).map(([name, file]) => [name, { ...file, path: join(folder, name) }]),
    ),
    ...(facts.rootfs && { rootfs: { ...facts.rootfs, path: join(folder, 'rootfs.tar') } }),
    origin: go?.module ?? (debian ? `debian ${debian.suite}` : 'edgeadm'),
    dependencies: facts.dependencies,
  };
}

async function composeFromPrograms(
  image: ImageRecipe,
  owner: FetchedComponent,
  fetched: ReadonlyMap<string, FetchedComponent>,
  arch: Arch,
  options: FetchOptions,
): Promise<OciImage> {
  const files: Record<string, FetchedFile> = {};
  for (const [path, program] of Object.entries(image.files)) {
    const file = owner.programs[program];
    if (file === undefined)
      throw new EdgeadmError(
        'E_PACKAGE_BUILD',
        `${image.name}: ${owner.component.name} has no program ${program}`,
      );
    files[path] = file;
  }
  const layers = [await programLayer(files, options.cacheDirectory)];
  if (image.base !== undefined) {
    const rootfs = fetched.get(image.base)?.rootfs;
    if (rootfs === undefined)
      throw new EdgeadmError('E_PACKAGE_BUILD', `${image.name}: no file system ${image.base} to lie on`);
    layers.unshift({ digest: `sha256:${rootfs.sha256}`, size: rootfs.size, content: [rootfs] });
  }
  const { name, version, licence, homepage } = owner.component;
  return composeImage(image.name, layers, {
    arch,
    entrypoint: image.entrypoint,
    labels: {
      'org.opencontainers.image.licenses': licence,
      'org.opencontainers.image.source': homepage,
      'org.opencontainers.image.title': name,
      'org.opencontainers.image.version': version,
    },
  });
}
