import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { camelCase, type FlagSpec, type FlagValues } from '../config/flags/spec.ts';
import { EdgeadmError } from '../errors.ts';
import { paths } from '../host/paths.ts';
import type { Io } from './io.ts';
import { flagsOf } from './route.ts';
import type { Call, CommandSpec, Outcome } from './spec.ts';

export interface KubeadmResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** The kubeadm of this host: the first on PATH, or the one that edgeadm installed. Errors: E_COMMAND_MISSING. */
async function findKubeadm(io: Pick<Io, 'env'>): Promise<string> {
  const folders = [
    ...(io.env.PATH ?? '').split(delimiter).filter((folder) => folder.startsWith('/')),
    paths.bin,
  ];
  for (const folder of folders) {
    const file = join(folder, 'kubeadm');
    if (
      await access(file, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return file;
  }
  throw new EdgeadmError('E_COMMAND_MISSING', 'no kubeadm on this host', {
    hint: 'It comes with the install package: run `edgeadm init phase package --install-pkg-path FILE`, or put kubeadm on PATH.',
  });
}

/**
 * Runs kubeadm with an argument array. Its output is told line by line, with `kubeadm join` and the like as edgeadm's.
 * Throws nothing for a non-zero exit. Errors: E_COMMAND_MISSING, E_INTERRUPTED.
 */
export async function runKubeadm(
  { io, signal }: Pick<Call, 'io' | 'signal'>,
  args: readonly string[],
  onLine: (line: string, stream: 'stdout' | 'stderr') => void = () => {},
): Promise<KubeadmResult> {
  const file = await findKubeadm(io);
  const { execa } = await import('execa');
  const child = execa(file, [...args], {
    cwd: io.cwd,
    env: io.env,
    extendEnv: false,
    stdin: 'inherit',
    reject: false,
    cancelSignal: signal,
    forceKillAfterDelay: 5000,
    stripFinalNewline: false,
  });
  const tell = async (stream: 'stdout' | 'stderr'): Promise<void> => {
    for await (const line of child.iterable({ from: stream })) onLine(asEdgeadm(line), stream);
  };
  const [result] = await Promise.all([child, tell('stdout'), tell('stderr')]);
  signal.throwIfAborted();
  if (result.exitCode === undefined) {
    throw new EdgeadmError(
      'E_COMMAND',
      `${file} ${args[0]} could not run: ${result.shortMessage ?? result.message}`,
      {
        hint: 'Is it a program for this machine?',
      },
    );
  }
  return { exitCode: result.exitCode, stdout: result.stdout, stderr: result.stderr };
}

/** Commands that kubeadm prints for people to type are edgeadm's here. */
export function asEdgeadm(text: string): string {
  return text.replace(/\bkubeadm (?=(?:init|join|reset|token|config|certs|kubeconfig)\b)/g, 'edgeadm ');
}

/** Flags of a command line, as arguments for kubeadm. */
export function kubeadmFlags(flags: readonly FlagSpec[], values: FlagValues): string[] {
  return flags.flatMap((flag) => {
    const value = values[camelCase(flag.name)];
    if (value === undefined || flag.group !== 'kubeadm') return [];
    if (Array.isArray(value)) return value.map((part) => `--${flag.name}=${part}`);
    return [`--${flag.name}=${value}`];
  });
}

/** A command that kubeadm does, with the same flags, output and exit code; `show` runs it instead of showKubeadm. */
export function passThrough(
  words: readonly string[],
  spec: Omit<CommandSpec, 'run'>,
  show: typeof showKubeadm = showKubeadm,
): CommandSpec {
  return {
    ...spec,
    foreground: true,
    rootfs: 'handed-on',
    run: async (call) => {
      const args = [...words, ...kubeadmFlags(flagsOf(spec), call.flags), ...call.args];
      return await show(call, args);
    },
  };
}

/**
 * Like passThrough, for what would otherwise ask the Internet which version is the newest: the version of the kubeadm at
 * hand is named instead.
 */
export function passThroughWithVersion(
  words: readonly string[],
  spec: Omit<CommandSpec, 'run'>,
): CommandSpec {
  return {
    ...spec,
    foreground: true,
    rootfs: 'handed-on',
    run: async (call) => {
      const { flags } = call;
      const args = [...words, ...kubeadmFlags(flagsOf(spec), flags)];
      if (flags.config === undefined && flags.kubernetesVersion === undefined) {
        const { stdout } = await runKubeadm(call, ['version', '--output=short']);
        args.push(`--kubernetes-version=${stdout.trim()}`);
      }
      return await showKubeadm(call, args);
    },
  };
}

/** Runs kubeadm and shows its output as it comes; with -o json it becomes data of the result. Errors: E_KUBEADM there. */
export async function showKubeadm(call: Call, args: readonly string[]): Promise<Outcome> {
  const { io, format } = call;
  const live = format !== 'json';
  const { exitCode, stdout, stderr } = await runKubeadm(call, args, (line, stream) => {
    if (live) io[stream].write(`${line}\n`);
  });
  if (live || exitCode === 0) return { exitCode, data: { output: asEdgeadm(stdout) } };
  const lines = stderr.trim().split('\n');
  throw new EdgeadmError(
    'E_KUBEADM',
    `kubeadm ${call.command} failed: ${lines.at(-1)?.replace(/^error: /, '') ?? exitCode}`,
    {
      details: lines.slice(-20),
      hint: 'These are the words of kubeadm; mend what they name.',
    },
  );
}
