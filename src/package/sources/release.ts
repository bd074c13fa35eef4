import { createWriteStream } from 'node:fs';
import { chmod, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { finished } from 'node:stream/promises';
import { EdgeadmError } from '../../errors.ts';
import type { Component, ReleaseFile } from '../catalogue/types.ts';
import { hashFile } from '../hash.ts';
import { download, fetchBytes } from '../http.ts';
import type { Arch } from '../types.ts';
import { cached } from './cache.ts';
import { publishedSum } from './checksum.ts';
import type { Mirrors } from './mirrors.ts';
import { pullImage } from './registry.ts';
import type { FetchedComponent, FetchedFile, FetchOptions, Source } from './source.ts';

/** Takes the binaries that upstream publishes, each checked by the SHA-256 published beside it, and images from registries. */
export function releaseSource(mirrors: Mirrors): Source {
  return {
    name: 'release',
    async prepare() {},
    fetchComponent: (component, arch, options) => fetchComponent(component, arch, mirrors, options),
    fetchImage: (image, _owner, _fetched, arch, options) => pullImage(image.name, arch, mirrors, options),
  };
}

async function fetchComponent(
  component: Component,
  arch: Arch,
  mirrors: Mirrors,
  options: FetchOptions,
): Promise<FetchedComponent> {
  const files = component.release.flatMap((file) => expand(file, arch));
  // Published versions do not change: what was fetched and checked once is good without asking again.
  const inputs = { revision: 1, release: files };
  const { folder, facts } = await cached(options.cacheDirectory, inputs, async (partial) => {
    const programs: Record<string, Omit<FetchedFile, 'path'>> = {};
    for (const file of files) {
      const step = `download ${component.name} ${component.version}`;
      for (const program of await fetchFile(file, partial, mirrors, step, options)) {
        const { size, sha256 } = await hashFile(join(partial, program));
        programs[program] = { size, sha256 };
      }
    }
    return programs;
  });
  return {
    component,
    programs: Object.fromEntries(
      Object.entries(facts).map(([name, file]) => [name, { ...file, path: join(folder, name) }]),
    ),
    origin: files[0]?.url ?? component.images[0]?.name ?? component.homepage,
    dependencies: [],
  };
}

/** One file of its own for each program where the URL asks for it. */
function expand(file: ReleaseFile, arch: Arch): ReleaseFile[] {
  const fill = (text: string, program = '') =>
    text.replaceAll('{arch}', arch).replaceAll('{program}', program);
  if (file.programs !== undefined) {
    return file.programs.map((program) => ({
      url: fill(file.url, program),
      checksum: fill(file.checksum, program),
      programs: [program],
    }));
  }
  const archive = Object.entries(file.archive ?? {}).map(([program, path]) => [program, fill(path)]);
  return [{ url: fill(file.url), checksum: fill(file.checksum), archive: Object.fromEntries(archive) }];
}

/** Downloads and checks a file; returns the names of the programs that it gave in `folder`. */
async function fetchFile(
  file: ReleaseFile,
  folder: string,
  mirrors: Mirrors,
  step: string,
  options: FetchOptions,
): Promise<string[]> {
  const name = basename(new URL(file.url).pathname);
  const checksum = mirrors.url(file.checksum);
  const { bytes } = await fetchBytes(checksum, { signal: options.signal });
  const sum = publishedSum(bytes.toString(), name, checksum);
  const url = mirrors.url(file.url);
  // Outside the temporary folder: what was cut is found again in the next run.
  const path = join(options.cacheDirectory, 'downloads', `${sum}-${name}`);
  await download(url, path, {
    signal: options.signal,
    immutable: true,
    onProgress: (done, total) =>
      options.emit({
        type: 'progress',
        step: `${step}: ${name}`,
        done,
        unit: 'bytes',
        ...(total !== undefined && { total }),
      }),
  });
  const found = await hashFile(path, options.signal);
  if (found.sha256 !== sum) {
    await rm(path, { force: true });
    throw new EdgeadmError(
      'E_PACKAGE_CORRUPT',
      `${url} has the SHA-256 ${found.sha256}, published is ${sum}`,
      {
        hint: 'The file or its checksum was changed on the way; ask who runs the mirror, or take another one.',
      },
    );
  }
  const [program] = file.programs ?? [];
  if (program !== undefined) {
    await rename(path, join(folder, program));
    await chmod(join(folder, program), 0o755);
    return [program];
  }
  await extractPrograms(path, file.archive ?? {}, folder, url);
  await rm(path, { force: true });
  return Object.keys(file.archive ?? {});
}

async function extractPrograms(
  path: string,
  archive: Record<string, string>,
  folder: string,
  url: string,
): Promise<void> {
  const { list } = await import('tar');
  const wanted = new Map(Object.entries(archive).map(([program, inside]) => [normal(inside), program]));
  const written: Promise<void>[] = [];
  await list({
    file: path,
    onReadEntry(entry) {
      const program = wanted.get(normal(entry.path));
      if (program === undefined || entry.type !== 'File') {
        entry.resume();
        return;
      }
      wanted.delete(normal(entry.path));
      const target = createWriteStream(join(folder, program), { mode: 0o755 });
      entry.on('data', (chunk) => target.write(chunk)).on('end', () => target.end());
      written.push(finished(target));
    },
  });
  await Promise.all(written);
  if (wanted.size > 0) {
    throw new EdgeadmError('E_PACKAGE_SOURCE', `${url} does not hold ${[...wanted.keys()].join(', ')}`, {
      hint: 'The layout of this release is another than the catalogue says: correct manifests/catalogue/components.',
    });
  }
}

function normal(path: string): string {
  return path.replace(/^\.\//, '');
}
