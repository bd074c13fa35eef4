import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Header } from 'tar';
import { compressFrame } from '../../src/package/archive/frames.ts';
import { type BuildOptions, type BuiltPackage, buildPackage } from '../../src/package/build.ts';
import type { Catalogue, Component } from '../../src/package/catalogue/types.ts';
import { hashFile, sha256Hex } from '../../src/package/hash.ts';
import { manifestBytes } from '../../src/package/manifest.ts';
import { composeImage } from '../../src/package/oci/image.ts';
import { programLayer } from '../../src/package/oci/layer.ts';
import type { Program } from '../../src/package/program/entries.ts';
import type { Source } from '../../src/package/sources/source.ts';
import type { PackageEntry, PackageManifest } from '../../src/package/types.ts';

/**
 * Small install packages that are made like real ones: the builder, the file format, the images' layout and the checks
 * are the real code; only the components are a few bytes from `fakeSource`, and there is no Node.js in `edgeadm/`.
 */
export async function fakePackage(
  directory: string,
  options: Partial<BuildOptions> & { name?: string } = {},
): Promise<BuiltPackage> {
  const { name = 'package.tar.zst', ...rest } = options;
  return buildPackage({
    source: fakeSource(join(directory, 'components')),
    catalogue: fakeCatalogue(),
    program: fakeProgram(),
    output: join(directory, name),
    cacheDirectory: join(directory, 'cache'),
    arch: 'amd64',
    emit() {},
    ...rest,
  });
}

/** Programs are text that names them; kubelet is large enough to fill several frames. */
export function fakeSource(directory: string): Source {
  return {
    name: 'gomod',
    async prepare() {},
    async fetchComponent(component) {
      const programs: Record<string, Awaited<ReturnType<typeof hashFile>>> = {};
      for (const program of Object.keys(component.build.go?.programs ?? {})) {
        const path = join(directory, component.name, program);
        await mkdir(join(directory, component.name), { recursive: true });
        const text = `${program} ${component.version}\n`;
        await writeFile(path, program === 'kubelet' ? text.repeat(350_000) : text);
        programs[program] = await hashFile(path);
      }
      const origin = component.build.go?.module ?? '';
      return {
        component,
        programs,
        origin,
        dependencies: [{ kind: 'go', name: 'example.org/lib', version: 'v1.0.0', licence: 'MIT' }],
      };
    },
    async fetchImage(image, owner, _fetched, arch) {
      const files = Object.fromEntries(
        Object.entries(image.files).map(([path, program]) => [path, owner.programs[program]!]),
      );
      return composeImage(image.name, [await programLayer(files)], {
        arch,
        entrypoint: image.entrypoint,
        labels: {},
      });
    },
  };
}

export function fakeCatalogue(): Catalogue {
  return {
    kubernetesVersion: 'v1.36.3',
    minor: '1.36',
    components: [
      fakeComponent('kubelets', ['kubelet', 'ctl'], { bin: ['kubelet', 'ctl'] }),
      fakeComponent('plugins', ['loopback'], { cni: ['loopback'] }),
      fakeComponent('pause', ['pause'], {
        images: ['registry.k8s.io/pause:3.10.2', 'registry.k8s.io/pause:again'].map((name) => ({
          name,
          purpose: 'node',
          files: { '/pause': 'pause' },
          entrypoint: ['/pause'],
        })),
      }),
    ],
  };
}

function fakeComponent(name: string, programs: string[], more: Partial<Component>): Component {
  return {
    name,
    version: 'v1.0.0',
    licence: 'Apache-2.0',
    homepage: `https://example.org/${name}`,
    sources: ['gomod', 'release'],
    build: {
      go: {
        module: `example.org/${name}`,
        require: [],
        wrapper: '/nowhere',
        cgo: false,
        tags: [],
        ldflags: [],
        headers: {},
        programs: Object.fromEntries(programs.map((program) => [program, `example.org/${name}/${program}`])),
      },
    },
    release: [],
    bin: [],
    cni: [],
    images: [],
    ...more,
  };
}

function fakeProgram(): Program {
  return {
    version: '0.1.0',
    files: [{ name: 'edgeadm', mode: 0o755, content: [Buffer.from('#!/bin/sh\n')] }],
    components: [],
    dispose: async () => {},
  };
}

/** One tar entry to write as it is, however wrong. */
export interface RawEntry {
  path: string;
  content?: string | Buffer;
  mode?: number;
  type?: 'File' | 'SymbolicLink' | 'Link' | 'CharacterDevice' | 'BlockDevice' | 'FIFO' | 'Directory';
  linkpath?: string;
  /** What the header says; default the length of the content. */
  size?: number;
}

/** A package file of any entries, with the archive's framing right. */
export async function rawPackage(path: string, entries: readonly RawEntry[], end = true): Promise<string> {
  const blocks = entries.flatMap((entry) => {
    const content = Buffer.from(entry.content ?? '');
    const block = Buffer.alloc(512);
    new Header({
      path: entry.path,
      mode: entry.mode ?? 0o644,
      uid: 0,
      gid: 0,
      size: entry.size ?? content.length,
      mtime: new Date(0),
      type: entry.type ?? 'File',
      ...(entry.linkpath !== undefined && { linkpath: entry.linkpath }),
    }).encode(block, 0);
    return [block, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  await writeFile(
    path,
    await compressFrame(Buffer.concat([...blocks, ...(end ? [Buffer.alloc(1024)] : [])])),
  );
  return path;
}

/** Bytes of a manifest that lists the given files rightly, unless `change` spoils it. */
export function rawManifest(
  files: Readonly<Record<string, string>>,
  change: (manifest: PackageManifest) => unknown = () => {},
): Buffer {
  const entries: PackageEntry[] = Object.entries(files)
    .map(([path, text]) => ({ path, size: Buffer.byteLength(text), sha256: sha256Hex(text), mode: 0o644 }))
    .sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
  const base = {
    kubernetesVersion: 'v1.36.3',
    arch: 'amd64',
    edgeadmVersion: '0.1.0',
    components: [],
    images: [],
    entries,
  } as const;
  const manifest = JSON.parse(
    manifestBytes({ ...base, components: [], images: [] }).toString(),
  ) as PackageManifest;
  change(manifest);
  return Buffer.from(JSON.stringify(manifest));
}
