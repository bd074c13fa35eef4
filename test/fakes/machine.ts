import type { Command, CommandResult } from '../../src/host/host.ts';
import type { Machine } from '../../src/playground/machine.ts';
import { features } from '../../src/playground/prerequisites/machine-checks.ts';
import { tools } from '../../src/playground/prerequisites/tools.ts';

export interface FakeMachine extends Machine {
  files: Map<string, string>;
  programs: Set<string>;
  /** Bytes. */
  free: number;
  ran: Command[];
  onRun: (command: Command) => Partial<CommandResult> | Error | undefined;
}

/** A Debian machine on which playground nodes run: root, cgroup v2, all programs there, everything built in. */
export function fakeMachine(): FakeMachine {
  const config = features.map(({ option }) => `CONFIG_${option}=y`).join('\n');
  const machine: FakeMachine = {
    platform: 'linux',
    uid: 0,
    kernel: '6.1.0',
    files: new Map([
      ['/proc/config.gz', config],
      ['/proc/self/status', 'CapEff:\t000001ffffffffff\n'],
      ['/proc/self/limits', 'Max open files            1024                 524288               files\n'],
      ['/proc/meminfo', 'MemTotal: 25274793 kB\nMemAvailable:   24000000 kB\n'],
      ['/proc/mounts', ''],
      ['/sys/fs/cgroup/cgroup.controllers', 'cpuset cpu io memory hugetlb pids\n'],
      ['/proc/sys/fs/inotify/max_user_instances', '8192\n'],
      ['/proc/sys/fs/inotify/max_user_watches', '1048576\n'],
      ...tools
        .filter(({ provides }) => provides.startsWith('/'))
        .map(({ provides }) => [provides, ''] as [string, string]),
    ]),
    programs: new Set(['apt-get', 'go', 'gcc', ...tools.map(({ provides }) => provides)]),
    free: 1e12,
    ran: [],
    onRun: () => undefined,
    read: async (path) => machine.files.get(path),
    exists: async (path) => machine.files.has(path),
    find: async (program) => (machine.programs.has(program) ? `/usr/bin/${program}` : undefined),
    missingBuildTools: async () => (machine.programs.has('gcc') ? [] : [{ tool: 'gcc', aptPackage: 'gcc' }]),
    disk: async () => ({ freeBytes: machine.free, id: '1' }),
    async run(command, { allowFailure = false } = {}) {
      machine.ran.push(command);
      const answer = machine.onRun(command) ?? standard(command);
      if (answer instanceof Error) throw answer;
      const result = { exitCode: 0, stdout: '', stderr: '', ...answer };
      for (const line of result.stdout.split('\n').filter(Boolean)) command.onLine?.(line, 'stdout');
      if (result.exitCode !== 0 && !allowFailure) throw new Error(`${command.file} failed`);
      return result;
    },
  };
  return machine;
}

function standard({ file, args = [] }: Command): Partial<CommandResult> | undefined {
  if (file === 'podman' && args[0] === 'info') return { stdout: '4.3.1\n' };
  if (file === 'go') return { stdout: 'go1.26.8\n' };
  if (file === 'ip') return { stdout: '[{"dst":"default"},{"dst":"10.120.0.0/24"}]' };
  return undefined;
}
