import { readdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { EdgeadmError } from '../../errors.ts';
import type { Component } from '../catalogue/types.ts';

/**
 * The catalogue pins the dependencies of single patch releases, each in a wrapper module. Throws E_PACKAGE_BUILD, with the
 * versions that there are, for a component of another one.
 */
export async function checkWrappers(components: readonly Component[]): Promise<void> {
  for (const { name, version, build } of components) {
    if (build.go === undefined) continue;
    const { wrapper } = build.go;
    const wrappers = await readdir(dirname(wrapper)).catch((): string[] => []);
    if (wrappers.includes(basename(wrapper))) continue;
    const known = wrappers
      .filter((folder) => folder.startsWith(`${name}-`) && /^\d/.test(folder.slice(name.length + 1)))
      .map((folder) => `v${folder.slice(name.length + 1)}`);
    throw new EdgeadmError('E_PACKAGE_BUILD', `no Go module of ${name} ${version} is in the catalogue`, {
      hint: `It has ${known.join(', ') || 'none'}. Take one of them, or --source release for any other patch release.`,
    });
  }
}
