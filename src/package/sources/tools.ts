import { access, constants, readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import semver from 'semver';
import { EdgeadmError } from '../../errors.ts';
import type { Component } from '../catalogue/types.ts';
import type { Arch } from '../types.ts';

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

const OWN_ARCH: Arch = process.arch === 'arm64' ? 'arm64' : 'amd64';

export interface ToolVersions {
  /** `go1.26.8` */
  go: string;
  /** First line of `gcc --version`. */
  cc: string;
  /** Settings of the user's that change what is built. */
  settings: Record<string, string>;
}

export interface MissingTool {
  /** What was looked for: `gcc`, `seccomp.h`. */
  tool: string;
  /** Debian package that has it. */
  aptPackage: string;
}

/** What the gomod source needs on this machine and does not find. Go is not among it: Debian's may be too old. */
export async function missingBuildTools(
  components?: readonly Component[],
  arch: Arch = OWN_ARCH,
): Promise<MissingTool[]> {
  const cc = compiler(arch);
  const cross = arch !== OWN_ARCH;
  const wanted: MissingTool[] = [
    { tool: cc, aptPackage: cross ? `gcc-${triple(arch)}`.replace('x86_64', 'x86-64') : 'gcc' },
    { tool: 'stdio.h', aptPackage: cross ? `libc6-dev-${arch}-cross` : 'libc6-dev' },
    { tool: 'pkg-config', aptPackage: 'pkg-config' },
    { tool: 'strip', aptPackage: 'binutils' },
    { tool: 'mmdebstrap', aptPackage: 'mmdebstrap' },
  ];
  const headers = components?.flatMap((component) => Object.entries(component.build.go?.headers ?? {}));
  for (const [tool, name] of headers ?? [['seccomp.h', 'libseccomp-dev']]) {
    wanted.push({ tool, aptPackage: cross ? `${name}:${arch}` : name });
  }
  const found = await Promise.all(
    wanted.map(({ tool }) => (tool.endsWith('.h') ? hasHeader(cc, tool) : isThere(tool))),
  );
  return wanted.filter((_, index) => !found[index]);
}

/** Versions of the compilers. Throws E_PACKAGE_BUILD, with the fix, when one is missing or too old for a wrapper module. */
export async function toolVersions(components: readonly Component[], arch: Arch): Promise<ToolVersions> {
  const environment = await goEnvironment();
  const go = await usableGo(environment, await neededGo(components));
  const missing = await missingBuildTools(components, arch);
  if (missing.length > 0) {
    const packages = missing.map(({ aptPackage }) => aptPackage).join(' ');
    const foreign = packages.includes(':') ? `dpkg --add-architecture ${arch} && apt-get update && ` : '';
    throw new EdgeadmError(
      'E_PACKAGE_BUILD',
      `missing for the build: ${missing.map(({ tool }) => tool).join(', ')}`,
      { hint: `Run: ${foreign}apt-get install -y ${packages}` },
    );
  }
  const version = await outputOf(compiler(arch), ['--version']);
  const settings = Object.fromEntries(SETTINGS.map((name) => [name, environment?.[name] ?? '']));
  return { go, cc: version?.split('\n')[0] ?? '', settings };
}

/** The C compiler for an architecture: the machine's own, else Debian's cross compiler. */
export function compiler(arch: Arch): string {
  return arch === OWN_ARCH ? 'gcc' : `${triple(arch)}-gcc`;
}

/** What makes cgo build for another architecture. */
export function crossEnvironment(arch: Arch): Record<string, string> {
  if (arch === OWN_ARCH) return {};
  return { CC: compiler(arch), PKG_CONFIG_LIBDIR: `/usr/lib/${triple(arch)}/pkgconfig:/usr/share/pkgconfig` };
}

function triple(arch: Arch): string {
  return arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
}

/** The version that will build. Go itself fetches a newer patch release where its GOTOOLCHAIN allows that. */
async function usableGo(environment: Record<string, string> | undefined, needed: string): Promise<string> {
  const found = environment?.GOVERSION;
  if (found !== undefined && semver.gte(goVersion(found), needed)) return found;
  const toolchain = environment?.GOTOOLCHAIN ?? 'local';
  if (
    found !== undefined &&
    semver.gte(goVersion(found), '1.21.0') &&
    /^auto|\+auto$|\+path$/.test(toolchain)
  ) {
    return `${needed} by ${found}`;
  }
  throw new EdgeadmError(
    'E_PACKAGE_BUILD',
    `building from Go modules needs Go ${needed} or newer; found ${found ?? 'none'}`,
    {
      hint: 'Install it from https://go.dev/dl and put its bin folder on PATH, or build with `--source release`.',
    },
  );
}

async function goEnvironment(): Promise<Record<string, string> | undefined> {
  const output = await outputOf('go', ['env', '-json', 'GOVERSION', 'GOTOOLCHAIN', ...SETTINGS]);
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

/** On PATH; to run it would take longer (mmdebstrap asks apt for its configuration first). */
async function isThere(tool: string): Promise<boolean> {
  const found = (process.env.PATH ?? '').split(delimiter).map((folder) =>
    access(join(folder, tool), constants.X_OK).then(
      () => true,
      () => false,
    ),
  );
  return (await Promise.all(found)).some(Boolean);
}

async function hasHeader(cc: string, header: string): Promise<boolean> {
  return (await outputOf(cc, ['-fsyntax-only', '-x', 'c', '-'], `#include <${header}>\n`)) !== undefined;
}

async function outputOf(file: string, args: string[], input = ''): Promise<string | undefined> {
  const { execa } = await import('execa');
  const result = await execa(file, args, { input, reject: false, timeout: 30_000 });
  return result.exitCode === 0 ? result.stdout : undefined;
}
