import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Segment } from '../archive/segments.ts';
import type { Dependency, FetchOptions } from '../sources/source.ts';
import type { Arch, PackageComponent } from '../types.ts';
import { type ProgramFile, programFiles } from './files.ts';
import { LAUNCHER } from './launcher.ts';
import { nodeRuntime } from './node.ts';
import { DEPENDENCIES } from './notices.ts';
import { programRoot } from './root.ts';

/** The edgeadm program with its own runtime, as it goes below `edgeadm/` of a package. */
export interface Program {
  version: string;
  /** `name` is relative to `edgeadm/`. */
  files: { name: string; mode: number; content: readonly Segment[]; sha256?: string }[];
  components: PackageComponent[];
  /** npm packages in it. */
  dependencies?: Dependency[];
  dispose(): Promise<void>;
}

export async function programEntries(arch: Arch, options: FetchOptions): Promise<Program> {
  const root = programRoot();
  const { version, license } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const runtime = await nodeRuntime(arch, options);
  const { files, dispose } = await programFiles();
  return {
    version,
    files: [
      ...files.map((file) => ({ name: file.name, mode: 0o644, content: [file], sha256: file.sha256 })),
      { name: 'edgeadm', mode: 0o755, content: [Buffer.from(LAUNCHER)] },
      { name: 'node', mode: 0o755, content: [runtime.file], sha256: runtime.file.sha256 },
    ],
    components: [
      { name: 'edgeadm', version: `v${version}`, source: 'gomod', licence: license, origin: 'edgeadm' },
      { name: 'node', version: runtime.version, source: 'gomod', licence: 'MIT', origin: runtime.origin },
    ],
    dependencies: await bundledPackages(files),
    dispose,
  };
}

async function bundledPackages(files: readonly ProgramFile[]): Promise<Dependency[]> {
  const list = files.find(({ name }) => name === DEPENDENCIES);
  return list === undefined ? [] : JSON.parse(await readFile(list.path, 'utf8'));
}
