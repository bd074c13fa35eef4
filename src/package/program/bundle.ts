import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEPENDENCIES, NOTICES, thirdParty } from './notices.ts';
import { programRoot } from './root.ts';

/** Native add-ons of ssh2, which does without them, and what only a checkout needs. */
const LEFT_OUT = ['cpu-features', './crypto/build/Release/sshcrypto.node', '*.node', 'esbuild'];

/**
 * Bundles the program of a checkout into `outDir`: `cli.js`, chunks for what is loaded lazily, and beside them
 * `manifests/` and what is to say of the bundled npm packages.
 * Names stay readable, so that a stack trace of a user tells where it was.
 */
export async function bundle(outDir: string): Promise<void> {
  const { build } = await import('esbuild');
  const root = programRoot();
  await rm(outDir, { recursive: true, force: true });
  await mkdir(outDir, { recursive: true });
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { cli: 'src/cli.ts' },
    outdir: outDir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22.19',
    chunkNames: 'chunks/[name]-[hash]',
    external: LEFT_OUT,
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    logLevel: 'error',
    metafile: true,
    // What came as CommonJS calls `require` for Node's own modules.
    banner: {
      js: "import{createRequire as __edgeadmRequire}from'node:module';const require=__edgeadmRequire(import.meta.url);",
    },
  });
  await cp(join(root, 'manifests'), join(outDir, 'manifests'), { recursive: true });
  await writeFile(join(outDir, 'package.json'), await programPackageJson(root));
  const bundled = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.entries(inputs));
  const used = bundled.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([path]) => path);
  const { dependencies, notices } = await thirdParty(root, used);
  await writeFile(join(outDir, DEPENDENCIES), `${JSON.stringify(dependencies, null, 1)}\n`);
  await writeFile(join(outDir, NOTICES), notices);
}

/** Tells Node that the files are ES modules. */
async function programPackageJson(root: string): Promise<string> {
  const { name, version, license } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  return `${JSON.stringify({ name, version, license, type: 'module', private: true }, null, 2)}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await bundle(resolve(process.argv[2] ?? 'dist'));
}
