import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EdgeadmError } from '../../errors.ts';
import { Fields } from '../fields.ts';
import { programRoot } from '../program/root.ts';
import { readComponent } from './recipe.ts';
import type { Catalogue } from './types.ts';

export interface CatalogueOptions {
  /** Folder of the catalogue; default `manifests/catalogue` of the running program. */
  directory?: string;
}

/** Minors in the catalogue, newest first: `['1.36', '1.35', …]`. The first is the default. */
export async function listMinors(options: CatalogueOptions = {}): Promise<string[]> {
  const names = await readdir(options.directory ?? catalogueDirectory());
  return names
    .filter((name) => /^v1\.\d+\.yaml$/.test(name))
    .map((name) => name.slice(1, -'.yaml'.length))
    .sort((a, b) => Number(b.split('.')[1]) - Number(a.split('.')[1]));
}

/**
 * The catalogue of a Kubernetes version: `v1.36.3`, `1.36.3`, `v1.36` or `1.36`; default the newest minor.
 * A patch that is not the catalogue's own replaces the version of Kubernetes only; the gomod source refuses it later,
 * since its wrapper module pins one patch. Throws E_CONFIG_INVALID for a version that the catalogue does not have.
 */
export async function loadCatalogue(version?: string, options: CatalogueOptions = {}): Promise<Catalogue> {
  const directory = options.directory ?? catalogueDirectory();
  const minors = await listMinors({ directory });
  const wanted = version === undefined ? minors[0]! : version.replace(/^v/, '');
  const match = /^(\d+\.\d+)(\.\d+(?:-[0-9A-Za-z.-]+)?)?$/.exec(wanted);
  if (match === null || !minors.includes(match[1]!)) {
    throw new EdgeadmError(
      'E_CONFIG_INVALID',
      `no catalogue for Kubernetes version ${JSON.stringify(version)}`,
      {
        hint: `Known minors: ${minors.join(', ')}. A new one is one more file in manifests/catalogue.`,
      },
    );
  }
  const minor = match[1]!;
  const place = join(directory, `v${minor}.yaml`);
  const fields = await readFields(place);
  const own = fields.string('kubernetesVersion');
  const kubernetesVersion = match[2] === undefined ? own : `v${wanted}`;
  const versions = fields.stringMap('components');
  fields.end();
  const components = await Promise.all(
    Object.entries(versions).map(async ([name, listed]) => {
      const recipe = await readFields(join(directory, 'components', `${name}.yaml`));
      return readComponent(name, name === 'kubernetes' ? kubernetesVersion : listed, recipe, directory);
    }),
  );
  return { kubernetesVersion, minor, components };
}

function catalogueDirectory(): string {
  return join(programRoot(), 'manifests', 'catalogue');
}

async function readFields(path: string): Promise<Fields> {
  const { load } = await import('js-yaml');
  try {
    return new Fields(load(await readFile(path, 'utf8'), { filename: path }), path);
  } catch (cause) {
    throw new EdgeadmError(
      'E_CONFIG_YAML',
      `cannot read the catalogue file ${path}: ${(cause as Error).message}`,
      { cause },
    );
  }
}
