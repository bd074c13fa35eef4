import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type ImageRecipe, imageName, imagePrefix } from './image-recipe.ts';
import type { Machine } from './machine.ts';
import type { Provider } from './provider.ts';

export interface ImageBuild {
  signal: AbortSignal;
  progress(step: string, amount?: { done: number; total: number; unit: 'bytes' | 'items' }): void;
}

/**
 * Makes the node image unless it is here: mmdebstrap from the Debian mirror that this machine's apt uses. Images of
 * older recipes that no node uses are removed. Returns the image's name and whether it was made now.
 */
export async function ensureNodeImage(
  provider: Provider,
  machine: Machine,
  recipe: ImageRecipe,
  run: ImageBuild,
): Promise<{ image: string; made: boolean }> {
  const image = imageName(recipe);
  if (await provider.hasImage(image)) return { image, made: false };
  const folder = await mkdtemp(join(tmpdir(), 'edgeadm-image-'));
  try {
    const tree = join(folder, 'files');
    await writeTree(tree, recipe);
    const tar = join(folder, 'node.tar');
    run.progress(`Debian ${recipe.suite}`);
    await machine.run({
      file: 'mmdebstrap',
      args: mmdebstrapArguments(recipe, tree, tar, await debianSources(machine, recipe.suite)),
      // Also the date that files of the image get.
      env: { SOURCE_DATE_EPOCH: '1700000000' },
      timeoutMs: 1_800_000,
      signal: run.signal,
      onLine(line) {
        const step = /^I: (.*)$/.exec(line)?.[1];
        if (step) run.progress(step);
      },
    });
    run.progress('import the image into podman');
    await provider.importImage(image, tar, run.signal);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  for (const old of await provider.unusedImages(imagePrefix)) {
    if (old !== image) await provider.removeImage(old);
  }
  return { image, made: true };
}

export function mmdebstrapArguments(
  recipe: ImageRecipe,
  tree: string,
  tar: string,
  sources: readonly string[],
): string[] {
  return [
    '--variant=minbase',
    '--mode=root',
    '--format=tar',
    `--include=${recipe.packages.join(',')}`,
    ...recipe.excluded.map((pattern) => `--dpkgopt=path-exclude=${pattern}`),
    '--aptopt=Acquire::Languages "none"',
    '--aptopt=Acquire::Retries "3"',
    `--customize-hook=sync-in ${tree} /`,
    '--customize-hook=rm -f "$1"/etc/ssh/ssh_host_* "$1"/etc/resolv.conf "$1"/etc/hostname',
    recipe.suite,
    tar,
    ...sources,
  ];
}

async function writeTree(root: string, recipe: ImageRecipe): Promise<void> {
  for (const file of recipe.files) {
    const path = join(root, file.path);
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    if ('target' in file) {
      await symlink(file.target, path);
    } else {
      await writeFile(path, file.content);
      await chmod(path, file.mode);
    }
  }
}

/**
 * Lines of a sources.list for the suite, from the places this machine's apt has them; empty where it has none (another
 * release, another distribution), which leaves the choice to mmdebstrap.
 */
async function debianSources(machine: Machine, suite: string): Promise<string[]> {
  if ((await machine.find('apt-get')) === undefined) return [];
  const { stdout } = await machine.run(
    {
      file: 'apt-get',
      args: ['indextargets', '--format', '$(REPO_URI) $(CODENAME) $(ORIGIN)', 'Created-By: Packages'],
    },
    { allowFailure: true },
  );
  return parseSources(stdout, suite);
}

export function parseSources(text: string, suite: string): string[] {
  const found = text
    .split('\n')
    .map((line) => line.split(' '))
    .filter(
      ([, codename = '', origin]) =>
        origin === 'Debian' && (codename === suite || codename.startsWith(`${suite}-`)),
    );
  if (!found.some(([, codename]) => codename === suite)) return [];
  return [...new Set(found.map(([uri, codename]) => `deb ${uri} ${codename} main`))];
}
