import { EdgeadmError } from '../../errors.ts';

export interface ToolOptions {
  cwd?: string;
  env?: Record<string, string>;
  input?: string;
  signal?: AbortSignal | undefined;
  onLine?: (line: string) => void;
  /** What was being done, for the error: `build runc v1.5.2`. */
  step: string;
  hint?: string;
}

/** Runs a build tool at low priority and returns its standard output. Throws E_PACKAGE_BUILD with its last lines. */
export async function runTool(file: string, args: readonly string[], options: ToolOptions): Promise<string> {
  const { execa } = await import('execa');
  const { onLine } = options;
  const result = await execa('nice', ['-n', '10', file, ...args], {
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    ...(options.env !== undefined && { env: options.env }),
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    ...(options.signal && { cancelSignal: options.signal }),
    forceKillAfterDelay: 5000,
    maxBuffer: 64 * 1024 * 1024,
    ...(onLine && {
      stderr: function* (line: unknown) {
        onLine(String(line));
        yield line;
      },
    }),
    reject: false,
  });
  options.signal?.throwIfAborted();
  if (result.exitCode === 0) return result.stdout;
  const output = `${result.stdout}\n${result.stderr}`.split('\n').filter((line) => line.trim() !== '');
  throw new EdgeadmError(
    'E_PACKAGE_BUILD',
    `cannot ${options.step}: ${file} ${result.exitCode === undefined ? 'could not be run' : `exited with ${result.exitCode}`}`,
    {
      details: [`command: ${[file, ...args].join(' ')}`, ...output.slice(-30)],
      ...(options.hint !== undefined && { hint: options.hint }),
      cause: result.cause,
    },
  );
}
