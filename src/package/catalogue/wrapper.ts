import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EdgeadmError } from '../../errors.ts';
import { runTool } from '../sources/run.ts';
import { loadCatalogue } from './load.ts';

/**
 * Makes the wrapper modules that a minor of the catalogue still lacks: go.mod with what is built as `tool`, and go.sum
 * as the checksum database has it. Needs Go and a module proxy. Returns the folders that were made.
 */
async function makeWrappers(minor: string, directory?: string): Promise<string[]> {
  const { components } = await loadCatalogue(minor, directory === undefined ? {} : { directory });
  const made: string[] = [];
  for (const { name, version, build } of components) {
    if (build.go === undefined || (await readFile(join(build.go.wrapper, 'go.sum')).catch(() => undefined)))
      continue;
    const { wrapper, module, require, programs } = build.go;
    await mkdir(wrapper, { recursive: true });
    const go = (...args: string[]) =>
      runTool('go', args, {
        cwd: wrapper,
        step: `make ${wrapper}`,
        env: { GOFLAGS: '-mod=mod', GOWORK: 'off' },
      });
    await writeFile(join(wrapper, 'go.mod'), `module edgeadm.superedge.io/components/${name}\n\ngo 1.26.0\n`);
    for (const each of [`${module}@${version}`, ...require]) await go('mod', 'edit', '-require', each);
    for (const path of Object.values(programs))
      if (!path.startsWith('./')) await go('mod', 'edit', '-tool', path);
    if (programs.kubectl !== undefined) await replaceStaging(wrapper, module, version, go);
    await go('mod', 'tidy');
    made.push(wrapper);
  }
  return made;
}

/** k8s.io/kubernetes names its staging modules by folder: their published versions are `v0.MINOR.PATCH`. */
async function replaceStaging(
  wrapper: string,
  module: string,
  version: string,
  go: (...args: string[]) => Promise<string>,
): Promise<void> {
  const { GoMod } = JSON.parse(await go('mod', 'download', '-json', `${module}@${version}`)) as {
    GoMod: string;
  };
  const text = await readFile(GoMod, 'utf8');
  const staging = [...text.matchAll(/^\s*(?:replace )?(k8s\.io\/\S+) => \.\/staging\//gm)].map(
    ([, name]) => name!,
  );
  if (staging.length === 0) throw new EdgeadmError('E_PACKAGE_BUILD', `${GoMod} names no staging modules`);
  const published = version.replace(/^v1\./, 'v0.');
  for (const name of staging) await go('mod', 'edit', '-replace', `${name}=${name}@${published}`);
  // The main module's Go version decides on GODEBUG defaults: upstream's own.
  await go('mod', 'edit', `-go=${/^go (\S+)$/m.exec(text)![1]}`);
  await copyKubectl(wrapper);
}

/**
 * Gives a wrapper module kubectl's main package, which k8s.io/kubernetes does not hold: that of another Kubernetes in the
 * catalogue. Errors: E_PACKAGE_BUILD when there is none.
 */
export async function copyKubectl(wrapper: string): Promise<void> {
  const others = (await readdir(dirname(wrapper))).map((name) => join(dirname(wrapper), name, 'kubectl'));
  const from = others.findLast((folder) => existsSync(join(folder, 'main.go')));
  if (!from) {
    throw new EdgeadmError('E_PACKAGE_BUILD', `no module in ${dirname(wrapper)} has kubectl/main.go`, {
      hint: 'Copy the one of an earlier Kubernetes version there.',
    });
  }
  await cp(from, join(wrapper, 'kubectl'), { recursive: true });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [minor = ''] = process.argv.slice(2);
  for (const folder of await makeWrappers(minor)) process.stdout.write(`${folder}\n`);
}
