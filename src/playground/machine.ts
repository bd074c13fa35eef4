import { constants } from 'node:fs';
import { access, readFile, stat, statfs } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { searchPath } from '../host/command.ts';
import type { Emit } from '../workflow/events.ts';
import { machineRunner, type Run } from './run.ts';

/** What the checks see of the machine that the playground runs on; tests put another one in its place. */
export interface Machine {
  platform: string;
  uid: number;
  /** Kernel release, as `uname -r` prints it. */
  kernel: string;
  /** Text of a file; undefined when it cannot be read. Files that end in .gz are unpacked. */
  read(path: string): Promise<string | undefined>;
  exists(path: string): Promise<boolean>;
  /** Path of a program in PATH. */
  find(program: string): Promise<string | undefined>;
  /** Bytes free on the file system that a path is, or would be, on, and an identity of that file system. */
  disk(path: string): Promise<{ freeBytes: number; id: string }>;
  /** What the package builder needs and does not find, with the Debian packages that have it. */
  missingBuildTools(): Promise<{ tool: string; aptPackage: string }[]>;
  run: Run;
}

export async function thisMachine(emit: Emit): Promise<Machine> {
  const exists = (path: string): Promise<boolean> =>
    access(path).then(
      () => true,
      () => false,
    );
  const directories = [process.env.PATH ?? '', searchPath, '/usr/lib/podman', '/usr/libexec/podman']
    .flatMap((part) => part.split(delimiter))
    .filter(Boolean);
  const read = async (path: string): Promise<string | undefined> => {
    try {
      const content = await readFile(path);
      return (path.endsWith('.gz') ? await promisify(gunzip)(content) : content).toString('utf8');
    } catch {
      return undefined;
    }
  };
  return {
    platform: process.platform,
    uid: process.getuid?.() ?? -1,
    kernel: (await read('/proc/sys/kernel/osrelease'))?.trim() ?? '',
    read,
    exists,
    async find(program) {
      for (const directory of directories) {
        const path = join(directory, program);
        if (
          await access(path, constants.X_OK).then(
            () => true,
            () => false,
          )
        )
          return path;
      }
      return undefined;
    },
    async disk(path) {
      let at = path;
      while (!(await exists(at))) at = dirname(at);
      const [facts, { dev }] = await Promise.all([statfs(at), stat(at)]);
      return { freeBytes: facts.bavail * facts.bsize, id: String(dev) };
    },
    missingBuildTools: async () => (await import('../package/sources/tools.ts')).missingBuildTools(),
    run: machineRunner(emit),
  };
}
