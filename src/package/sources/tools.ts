import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import semver from 'semver';
import { EdgeadmError } from '../../errors.ts';
import type { Component } from '../catalogue/types.ts';
import type { Arch } from '../types.ts';
import type { ToolVersions } from './go.ts';

/** Settings of Go and of the C compiler that change what is built. */
const SETTINGS = [
  'GOFLAGS',
  'GOAMD64',
  'GOARM64',
  'GOEXPERIMENT',
  'GOFIPS140',
  'CC',
  'CGO_CFLAGS',
  'CGO_LDFLAGS',
];

export interface MissingTool {
  /** What was looked for: `gcc`, `seccomp.h`. */
  tool: string;
  /** Debian package that has it. */
  aptPackage: string;
}

/** What the gomod source needs on this machine and does not find. Go is not among it: Debian's may be too old. */
export async function missingBuildTools(components?: readonly Component[]): Promise<MissingTool[]> {
  const wanted: MissingTool[] = [
    { tool: 'gcc', aptPackage: 'gcc' },
    { tool: 'stdio.h', aptPackage: 'libc6-dev' },
    { tool: 'pkg-config', aptPackage: 'pkg-config' },
    { tool: 'strip', aptPackage: 'binutils' },
    { tool: 'mmdebstrap', aptPackage: 'mmdebstrap' },
  ];
  const headers = components?.flatMap((component) => Object.entries(component.build.go?.headers ?? {}));
  for (const [tool, aptPackage] of headers ?? [['seccomp.h', 'libseccomp-dev']])
    wanted.push({ tool, aptPackage });
  const found = await Promise.all(
    wanted.map(({ tool }) => (tool.endsWith('.h') ? hasHeader(tool) : runs(tool))),
  );
  return wanted.filter((_, index) => !found[index]);
}

/** Versions of the compilers. Throws E_PACKAGE_BUILD, with the fix, when one is missing or too old for a wrapper module. */
export async function toolVersions(components: readonly Component[], arch: Arch): Promise<ToolVersions> {
  const go = await goEnvironment();
  const needed = await neededGo(components);
  if (go === undefined || semver.lt(goVersion(go.GOVERSION!), needed)) {
    const found = go?.GOVERSION ?? 'none';
    throw new EdgeadmError(
      'E_PACKAGE_BUILD',
      `building from Go modules needs Go ${needed} or newer; found ${found}`,
      {
        hint: 'Install it from https://go.dev/dl and put its bin folder on PATH, or build with `--source release`.',
      },
    );
  }
  const missing = await missingBuildTools(components);
  if (missing.length > 0) {
    throw new EdgeadmError(
      'E_PACKAGE_BUILD',
      `missing for the build: ${missing.map(({ tool }) => tool).join(', ')}`,
      {
        hint: `Run: apt-get install -y ${missing.map(({ aptPackage }) => aptPackage).join(' ')}`,
      },
    );
  }
  const cc = compiler(arch);
  const version = await outputOf(cc, ['--version']);
  if (version === undefined) {
    throw new EdgeadmError('E_PACKAGE_BUILD', `no C compiler for ${arch}: ${cc} is not on PATH`, {
      hint: `Run: apt-get install -y gcc-${cc.slice(0, -'-gcc'.length)}. Or build on a machine of that architecture.`,
    });
  }
  const settings = Object.fromEntries(SETTINGS.map((name) => [name, go[name] ?? '']));
  return { go: go.GOVERSION!, cc: version.split('\n')[0]!, settings };
}

/** The C compiler for an architecture: the machine's own, else Debian's cross compiler. */
export function compiler(arch: Arch): string {
  const own = process.arch === 'arm64' ? 'arm64' : 'amd64';
  if (arch === own) return 'gcc';
  return arch === 'arm64' ? 'aarch64-linux-gnu-gcc' : 'x86_64-linux-gnu-gcc';
}

async function goEnvironment(): Promise<Record<string, string> | undefined> {
  const output = await outputOf('go', ['env', '-json', 'GOVERSION', ...SETTINGS]);
  return output === undefined ? undefined : JSON.parse(output);
}

/** The newest `go` line of the wrapper modules. */
async function neededGo(components: readonly Component[]): Promise<string> {
  const wrappers = components.flatMap(({ build }) => build.go?.wrapper ?? []);
  const files = await Promise.all(
    wrappers.map((folder) => readFile(join(folder, 'go.mod'), 'utf8').catch(() => '')),
  );
  const versions = files.map((text) => goVersion(/^go (\S+)$/m.exec(text)?.[1] ?? '1.26'));
  return semver.rsort(['1.26.0', ...versions])[0]!;
}

/** `go1.26.8`, `1.26` and `go1.27rc1` as semantic versions. */
function goVersion(text: string): string {
  return semver.coerce(text)?.version ?? '0.0.0';
}

async function runs(tool: string): Promise<boolean> {
  return (await outputOf(tool, ['--version'])) !== undefined;
}

async function hasHeader(header: string): Promise<boolean> {
  return (await outputOf('gcc', ['-fsyntax-only', '-x', 'c', '-'], `#include <${header}>\n`)) !== undefined;
}

async function outputOf(file: string, args: string[], input = ''): Promise<string | undefined> {
  const { execa } = await import('execa');
  const result = await execa(file, args, { input, reject: false, timeout: 30_000 });
  return result.exitCode === 0 ? result.stdout : undefined;
}
