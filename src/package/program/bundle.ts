import { chmod, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { programRoot } from './root.ts';

/** Native add-ons of ssh2: it does without them. */
const OPTIONAL_ADDONS = ['cpu-features', './crypto/build/Release/sshcrypto.node', '*.node'];

/**
 * Bundles the program of a checkout into `outDir`: `cli.js`, chunks for what is loaded lazily, and `manifests/` beside.
 * Names stay readable, so that a stack trace of a user tells where it was.
 */
export async function bundle(outDir: string): Promise<void> {
  const { build } = await import('esbuild');
  const root = programRoot();
  await rm(outDir, { recursive: true, force: true });
  await mkdir(outDir, { recursive: true });
  await build({
    absWorkingDir: root,
    entryPoints: { cli: 'src/cli.ts' },
    outdir: outDir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22.19',
    chunkNames: 'chunks/[name]-[hash]',
    external: OPTIONAL_ADDONS,
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    logLevel: 'error',
    // What came as CommonJS calls `require` for Node's own modules.
    banner: {
      js: "import{createRequire as __edgeadmRequire}from'node:module';const require=__edgeadmRequire(import.meta.url);",
    },
  });
  await cp(join(root, 'manifests'), join(outDir, 'manifests'), { recursive: true });
  await writeFile(join(outDir, 'package.json'), await programPackageJson(root));
  await chmod(join(outDir, 'cli.js'), 0o644);
}

/** Tells Node that the files are ES modules. */
async function programPackageJson(root: string): Promise<string> {
  const { name, version, license } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  return `${JSON.stringify({ name, version, license, type: 'module', private: true }, null, 2)}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await bundle(resolve(process.argv[2] ?? 'dist'));
}
