/**
 * Writes src/config/schema/vMINOR.json for Kubernetes versions: `node src/config/schema/generate/generate.ts v1.36.3 …`.
 * Needs Go and a module proxy; takes minutes when Go's build cache is empty. The module is made in a temporary folder: as
 * k8s.io/kubernetes replaces its staging modules by folders, each gets the version published for the release.
 */
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';

const here = import.meta.dirname;

for (const version of process.argv.slice(2)) {
  const [, minor, patch] = /^v1\.(\d+)\.(\d+)$/.exec(version) ?? [];
  if (!minor) throw new Error(`not a version such as v1.36.3: ${version}`);
  const folder = await mkdtemp(join(tmpdir(), 'edgeadm-schema-'));
  try {
    const go = execa({ cwd: folder, env: { CGO_ENABLED: '0', GOFLAGS: '-mod=mod' } });
    await copyFile(join(here, 'main.go'), join(folder, 'main.go'));
    const { stdout } = await execa`go mod download -json k8s.io/kubernetes@${version}`;
    const upstream = await readFile((JSON.parse(stdout) as { GoMod: string }).GoMod, 'utf8');
    const language = /^go (\S+)$/m.exec(upstream)?.[1];
    await writeFile(
      join(folder, 'go.mod'),
      `module schema\n\ngo ${language}\n\nrequire k8s.io/kubernetes ${version}\n`,
    );
    for (const [, staging] of upstream.matchAll(/^\s+(k8s\.io\/\S+) => \.\/staging\//gm)) {
      await go`go mod edit -replace=${staging!}=${staging!}@v0.${minor}.${patch!}`;
    }
    const schema = await go`go run . ${version}`;
    await writeFile(join(here, '..', `v1.${minor}.json`), `${schema.stdout}\n`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
