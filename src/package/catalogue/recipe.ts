import { join } from 'node:path';
import type { Fields } from '../fields.ts';
import type { ComponentSource } from '../types.ts';
import type { BuildRecipe, Component, ImageRecipe, Purpose, ReleaseFile } from './types.ts';

const PURPOSES: readonly string[] = ['control-plane', 'node', 'flannel', 'ha', 'edge'] satisfies Purpose[];

/** Reads `components/<name>.yaml` for one version; `{version}` (no leading v), `{major}` and `{minor}` are filled in. */
export function readComponent(name: string, version: string, recipe: Fields, directory: string): Component {
  const fill = filler(version);
  const component: Component = {
    name,
    version,
    licence: recipe.string('licence'),
    homepage: recipe.string('homepage'),
    sources: (recipe.has('only') ? recipe.strings('only') : ['gomod', 'release']) as ComponentSource[],
    build: readBuild(name, version, recipe.object('build'), directory, fill),
    release: recipe.objects('release').map((file) => readRelease(file, fill)),
    bin: recipe.strings('bin'),
    cni: recipe.strings('cni'),
    images: recipe.objects('images').map((image) => readImage(image, fill)),
  };
  recipe.end();
  return component;
}

type Fill = (text: string) => string;

function filler(version: string): Fill {
  const bare = version.replace(/^v/, '');
  const [major = '', minor = ''] = bare.split('.');
  const values: Record<string, string> = { version: bare, major, minor };
  return (text) => text.replace(/\{(version|major|minor)\}/g, (_, key: string) => values[key]!);
}

function readBuild(
  name: string,
  version: string,
  fields: Fields,
  directory: string,
  fill: Fill,
): BuildRecipe {
  const recipe: BuildRecipe = {};
  if (fields.has('go')) {
    const go = fields.object('go');
    recipe.go = {
      module: go.string('module'),
      require: go.strings('require').map(fill),
      wrapper: join(directory, 'gomod', `${name}-${version.replace(/^v/, '')}`),
      cgo: go.boolean('cgo', false),
      tags: go.strings('tags'),
      ldflags: go.strings('ldflags').map(fill),
      headers: go.stringMap('headers'),
      programs: go.stringMap('programs'),
    };
    go.end();
  }
  if (fields.has('c')) {
    const c = fields.object('c');
    recipe.c = { programs: mapValues(c.stringMap('programs'), (path) => join(directory, 'native', path)) };
    c.end();
  }
  if (fields.has('debian')) {
    const debian = fields.object('debian');
    recipe.debian = {
      suite: debian.string('suite'),
      packages: debian.strings('packages'),
      links: debian.stringMap('links'),
    };
    debian.end();
  }
  fields.end();
  return recipe;
}

function readRelease(fields: Fields, fill: Fill): ReleaseFile {
  const file: ReleaseFile = { url: fill(fields.string('url')), checksum: fill(fields.string('checksum')) };
  if (fields.has('programs')) file.programs = fields.strings('programs');
  if (fields.has('archive')) file.archive = mapValues(fields.stringMap('archive'), fill);
  fields.end();
  return file;
}

function readImage(fields: Fields, fill: Fill): ImageRecipe {
  const purpose = fields.string('purpose', PURPOSES) as Purpose;
  const image: ImageRecipe = {
    name: fill(fields.string('name')),
    purpose,
    files: fields.stringMap('files'),
    entrypoint: fields.strings('entrypoint'),
  };
  if (fields.has('base')) image.base = fields.string('base');
  fields.end();
  return image;
}

function mapValues(map: Record<string, string>, change: (value: string) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]));
}
