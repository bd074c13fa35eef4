import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BuildOptions, Plugin } from 'esbuild';
import { DEPENDENCIES, NOTICES, thirdParty } from './notices.ts';
import { programRoot } from './root.ts';

/** Native add-ons of ssh2, which does without them, and what only a checkout needs. */
const LEFT_OUT = ['cpu-features', './crypto/build/Release/sshcrypto.node', '*.node', 'esbuild'];

/** Where the program shows its help; one file of its own in the bundle, as each file that is loaded takes its time. */
const HELP = { source: 'src/commands/show-help.ts', name: 'help' };

/** What came as CommonJS calls `require` for Node's own modules; making a real one takes a millisecond for each chunk. */
const REQUIRE = `const require=(name)=>process.getBuiltinModule(name)??(()=>{throw Object.assign(new Error('Cannot find module '+name),{code:'MODULE_NOT_FOUND'})})();`;

const common = (root: string, outDir: string) =>
  ({
    absWorkingDir: root,
    outdir: outDir,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node22.19',
    external: LEFT_OUT,
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    logLevel: 'error',
    metafile: true,
    banner: { js: REQUIRE },
  }) satisfies BuildOptions;

/**
 * Bundles the program of a checkout into `outDir`: `cli.js`, chunks for what is loaded lazily, `help.js`, and beside them
 * `manifests/` and what is to say of the bundled npm packages.
 * Names stay readable, so that a stack trace of a user tells where it was.
 */
export async function bundle(outDir: string): Promise<void> {
  const { build } = await import('esbuild');
  const root = programRoot();
  await rm(outDir, { recursive: true, force: true });
  await mkdir(outDir, { recursive: true });
  const [{ metafile }] = await Promise.all([
    build({
      ...common(root, outDir),
      entryPoints: { cli: 'src/cli.ts' },
      splitting: true,
      chunkNames: 'chunks/[name]-[hash]',
      plugins: [helpApart],
    }),
    build({
      ...common(root, outDir),
      entryPoints: { [HELP.name]: HELP.source },
      plugins: [definitionsOnly(root)],
    }),
  ]);
  await cp(join(root, 'manifests'), join(outDir, 'manifests'), { recursive: true });
  await writeFile(join(outDir, 'package.json'), await programPackageJson(root));
  const bundled = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.entries(inputs));
  const used = bundled.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([path]) => path);
  const { dependencies, notices } = await thirdParty(root, used);
  await writeFile(join(outDir, DEPENDENCIES), `${JSON.stringify(dependencies, null, 1)}\n`);
  await writeFile(join(outDir, NOTICES), notices);
}

/** Leaves the help out of the other chunks of the program. */
const helpApart: Plugin = {
  name: 'help-apart',
  setup({ onResolve }) {
    onResolve({ filter: /\/show-help\.ts$/ }, ({ importer }) =>
      importer.endsWith('/src/cli.ts') ? { path: `./${HELP.name}.js`, external: true } : undefined,
    );
  },
};

/** Help loads the definitions of commands, and nothing of what they import when they run. */
const definitionsOnly = (root: string): Plugin => ({
  name: 'definitions-only',
  setup({ onResolve, onLoad }) {
    const definers = [HELP.source, 'src/commands/root.ts'].map((file) => join(root, file));
    onResolve({ filter: /./ }, ({ kind, importer, path }) =>
      kind === 'dynamic-import' && !definers.includes(importer) ? { path, namespace: 'left-out' } : undefined,
    );
    onLoad({ filter: /./, namespace: 'left-out' }, () => ({
      contents: "throw new Error('help runs no command')",
    }));
  },
});

/** Tells Node that the files are ES modules. */
async function programPackageJson(root: string): Promise<string> {
  const { name, version, license } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  return `${JSON.stringify({ name, version, license, type: 'module', private: true }, null, 2)}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await bundle(resolve(process.argv[2] ?? 'dist'));
}
