import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Dependency } from '../sources/source.ts';

/** Lists the npm packages in a bundle; lies beside it. */
export const DEPENDENCIES = 'dependencies.json';
/** Their licences in full, as most of them ask for. */
export const NOTICES = 'THIRD-PARTY-LICENSES.txt';

/** Packages that bundled files come from (`node_modules/a/node_modules/@s/b/lib/x.js`), and the text of their licences. */
export async function thirdParty(
  root: string,
  files: readonly string[],
): Promise<{ dependencies: Dependency[]; notices: string }> {
  const folders = new Set(
    files.flatMap((file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []),
  );
  const found = await Promise.all([...folders].sort().map((folder) => describe(join(root, folder))));
  const unique = new Map(found.map((each) => [`${each.name}@${each.version}`, each]));
  const sorted = [...unique.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    dependencies: sorted.map(({ text: _, ...dependency }) => dependency),
    notices: sorted
      .map(({ name, version, text }) => `${name} ${version}\n\n${text.trim()}\n`)
      .join(`\n${'-'.repeat(72)}\n\n`),
  };
}

async function describe(folder: string): Promise<Dependency & { text: string }> {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const names = (await readdir(folder)).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file)).sort();
  const texts = await Promise.all(names.map((file) => readFile(join(folder, file), 'utf8')));
  const licence = typeof license === 'string' ? license : undefined;
  return {
    kind: 'npm',
    name,
    version,
    ...(licence !== undefined && { licence }),
    text: texts.length > 0 ? texts.join('\n') : `License: ${licence ?? 'see the package'}`,
  };
}
