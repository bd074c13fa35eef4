import { readdir, readFile, rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Component } from '../catalogue/types.ts';
import { hashFile, sha256Hex } from '../hash.ts';
import type { Arch } from '../types.ts';
import { moduleLicences } from './licence.ts';
import { runTool } from './run.ts';
import type { Dependency, FetchedFile, FetchOptions } from './source.ts';
import { crossEnvironment, type ToolVersions } from './tools.ts';

/** Everything that decides what `buildGo` makes. */
export async function goInputs(component: Component, arch: Arch, tools: ToolVersions): Promise<unknown> {
  const go = component.build.go!;
  // What the wrapper requires is in its files.
  const { wrapper, require: _, ...recipe } = go;
  return {
    recipe,
    flags: BUILD_FLAGS,
    arch,
    go: tools.go,
    settings: tools.settings,
    ...(go.cgo && { cc: tools.cc }),
    files: await hashTree(wrapper),
  };
}

const BUILD_FLAGS = ['-mod=readonly', '-trimpath', '-buildvcs=false'];

/**
 * Builds a component's programs from its wrapper module into `folder`. The user's GOFLAGS, GOPROXY, GOPRIVATE and so on
 * count; go.sum pins what may come back. Bits are the same for the same inputs: no paths, build ids or times are kept.
 */
export async function buildGo(
  component: Component,
  arch: Arch,
  folder: string,
  options: FetchOptions,
): Promise<{ programs: Record<string, FetchedFile>; dependencies: Dependency[] }> {
  const go = component.build.go!;
  const step = `build ${component.name} ${component.version}`;
  const packages = Object.values(go.programs);
  const flags = [...BUILD_FLAGS, ...(go.tags.length > 0 ? ['-tags', go.tags.join(',')] : [])];
  const ldflags = ['-s', '-w', '-buildid=', ...go.ldflags].join(' ');
  const env = goEnvironment(arch, go.cgo);
  const tool = { cwd: go.wrapper, env, signal: options.signal, step };
  const hint =
    'Check that the Go module proxy (go env GOPROXY) can be reached; with `--source release` nothing is built here.';

  const listed = [
    'list',
    '-deps',
    '-f',
    '{{if .Stale}}stale{{end}}',
    ...flags,
    '-ldflags',
    ldflags,
    ...packages,
  ];
  const stale = await runTool('go', listed, {
    ...tool,
    hint,
    onLine: (line) => options.emit({ type: 'progress', step: `${step}: ${line.replace(/^go: /, '')}` }),
  });
  const total = stale.split('\n').filter((line) => line === 'stale').length;
  let done = 0;
  options.emit({ type: 'progress', step, done, total, unit: 'items' });
  await runTool('go', ['build', '-v', ...flags, '-ldflags', ldflags, '-o', `${folder}/`, ...packages], {
    ...tool,
    hint,
    onLine(line) {
      if (line.startsWith('#') || line.includes(' ')) return;
      done = Math.min(done + 1, total);
      options.emit({ type: 'progress', step, done, total, unit: 'items' });
    },
  });
  const programs: Record<string, FetchedFile> = {};
  for (const [program, path] of Object.entries(go.programs)) {
    const built = defaultName(path);
    if (built !== program) await rename(join(folder, built), join(folder, program));
    programs[program] = await hashFile(join(folder, program));
  }
  return { programs, dependencies: await linkedModules(folder, Object.keys(programs), tool) };
}

function goEnvironment(arch: Arch, cgo: boolean): Record<string, string> {
  const cross = cgo ? crossEnvironment(arch) : {};
  return { CGO_ENABLED: cgo ? '1' : '0', GOOS: 'linux', GOARCH: arch, GOWORK: 'off', ...cross };
}

/** The name that `go build` gives a main package: the last part of its path that is not a major version. */
function defaultName(path: string): string {
  const parts = path.split('/').filter((part) => !/^v\d+$/.test(part));
  return basename(parts.at(-1)!);
}

async function linkedModules(
  folder: string,
  programs: string[],
  tool: { cwd: string; env: Record<string, string>; signal: AbortSignal | undefined; step: string },
): Promise<Dependency[]> {
  const output = await runTool('go', ['version', '-m', ...programs.map((name) => join(folder, name))], tool);
  const found = new Map<string, Dependency>();
  for (const line of output.split('\n')) {
    const [, kind, name, version] = line.split('\t');
    if ((kind !== 'dep' && kind !== '=>') || name === undefined || version === undefined) continue;
    // A replacement line follows the line of what it replaces.
    found.set(`${name}@${version}`, { kind: 'go', name, version });
  }
  for (const key of found.keys()) if (key.endsWith('@v0.0.0')) found.delete(key);
  const licences = await moduleLicences([...found.keys()], tool.cwd);
  return [...found.entries()]
    .map(([key, module]) => ({ ...module, ...(licences.has(key) && { licence: licences.get(key)! }) }))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** Relative path to SHA-256 of every file below a folder. */
async function hashTree(folder: string): Promise<Record<string, string>> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = found
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  const sums = await Promise.all(
    names.sort().map(async (name) => [name, sha256Hex(await readFile(join(folder, name)))]),
  );
  return Object.fromEntries(sums);
}
