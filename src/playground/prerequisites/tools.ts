import { toEdgeadmError } from '../../errors.ts';
import type { Machine } from '../machine.ts';
import type { Check, Finding, Needs } from './types.ts';

interface Tool {
  /** A program in PATH, or a file by its absolute path. */
  provides: string;
  /** Debian package that has it. */
  debian: string;
  when(needs: Needs): boolean;
}

const always = (): boolean => true;
const forImage = (needs: Needs): boolean => needs.buildImage;

/** What is called on this machine, and where Debian has it; what builds a package is the builder's to say. */
export const tools: readonly Tool[] = [
  { provides: 'podman', debian: 'podman', when: always },
  { provides: 'conmon', debian: 'conmon', when: always },
  // crun, which Debian's podman prefers, refuses machines with hybrid cgroups.
  { provides: 'runc', debian: 'runc', when: always },
  { provides: 'netavark', debian: 'netavark', when: always },
  { provides: 'aardvark-dns', debian: 'aardvark-dns', when: always },
  { provides: 'iptables', debian: 'iptables', when: always },
  { provides: 'ip', debian: 'iproute2', when: always },
  { provides: 'tar', debian: 'tar', when: always },
  { provides: 'mmdebstrap', debian: 'mmdebstrap', when: forImage },
  {
    provides: '/usr/share/keyrings/debian-archive-keyring.gpg',
    debian: 'debian-archive-keyring',
    when: forImage,
  },
];

export const toolsCheck: Check = {
  name: 'tools',
  async find(machine, needs): Promise<Finding | undefined> {
    const missing: { name: string; debian: string }[] = [];
    for (const { provides, debian } of tools.filter(({ when }) => when(needs))) {
      const found = provides.startsWith('/')
        ? await machine.exists(provides)
        : (await machine.find(provides)) !== undefined;
      if (!found) missing.push({ name: provides, debian });
    }
    if (needs.buildPackage) {
      const tools = await machine.missingBuildTools();
      missing.push(...tools.map(({ tool, aptPackage }) => ({ name: tool, debian: aptPackage })));
    }
    if (missing.length === 0) return undefined;
    const problem = `missing: ${[...new Set(missing.map(({ name }) => name))].join(', ')}`;
    const packages = [...new Set(missing.map(({ debian }) => debian))];
    if ((await machine.find('apt-get')) === undefined) {
      return {
        problem,
        fix: `Install what has them with this system's package manager; in Debian that is: ${packages.join(' ')}.`,
      };
    }
    return {
      problem,
      fix: `apt-get install --no-install-recommends ${packages.join(' ')}`,
      repair: {
        summary: `install the Debian packages ${packages.join(', ')}`,
        apply: (progress, signal) => install(machine, packages, progress, signal),
      },
    };
  },
};

type Progress = (step: string, percent?: number) => void;

/** Installs Debian packages, without what they merely recommend. Throws E_COMMAND. */
export async function install(
  machine: Machine,
  packages: readonly string[],
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const apt = (args: readonly string[], onLine?: (line: string) => void) =>
    machine.run({
      file: 'apt-get',
      args: ['-o', 'APT::Status-Fd=1', '-o', 'DPkg::Lock::Timeout=300', ...args],
      env: { DEBIAN_FRONTEND: 'noninteractive' },
      timeoutMs: 1_800_000,
      signal,
      ...(onLine && { onLine }),
    });
  const wanted = ['install', '--yes', '--no-install-recommends', ...packages];
  const report = (line: string): void => {
    const status = parseAptStatus(line);
    if (status) progress(status.step, status.percent);
  };
  progress('apt-get install');
  try {
    return void (await apt(wanted, report));
  } catch (error) {
    if (toEdgeadmError(error).code !== 'E_COMMAND') throw error;
    // Lists that are empty (a fresh image) or old name no file that is still served.
  }
  progress('apt-get update');
  // A source among several that does not answer is no reason to stop: the install tells what is really missing.
  await apt(['update'], report).catch((error) => {
    if (toEdgeadmError(error).code !== 'E_COMMAND') throw error;
  });
  await apt(wanted, report);
}

/** A line of apt's status interface: `pmstatus:podman:45.2:Unpacking podman (amd64)`. */
export function parseAptStatus(line: string): { step: string; percent: number } | undefined {
  const match = /^(?:pm|dl)status:[^:]*(?::[a-z0-9]+)?:([\d.]+):(.*)$/.exec(line);
  return match ? { percent: Number(match[1]), step: match[2]!.trim() } : undefined;
}
