import { execa } from 'execa';
import { EdgeadmError } from '../errors.ts';
import { searchPath } from '../host/command.ts';

/**
 * `podman exec` on this process' own standard streams, with a terminal when there is one on both sides. Returns the
 * program's exit code. Errors: E_COMMAND_MISSING.
 */
export async function attachPodman(
  options: readonly string[],
  node: string,
  command: readonly [string, ...string[]],
): Promise<number> {
  const terminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
  const args = [
    'exec',
    '--interactive',
    // Podman would keep Ctrl-P for its own detach sequence.
    ...(terminal ? ['--tty', '--detach-keys', '', '--env', `TERM=${process.env.TERM ?? 'xterm'}`] : []),
    ...options,
    node,
    ...command,
  ];
  const path = [process.env.PATH, searchPath].filter(Boolean).join(':');
  const result = await execa('podman', args, { stdio: 'inherit', reject: false, env: { PATH: path } });
  if (result.exitCode !== undefined) return result.exitCode;
  if (result.code === 'ENOENT') {
    throw new EdgeadmError('E_COMMAND_MISSING', 'no program podman on this machine', {
      hint: 'Run `edgeadm playground create`, which installs it.',
    });
  }
  // Ended by a signal: what a shell would say.
  return result.signal === 'SIGINT' ? 130 : result.signal === 'SIGTERM' ? 143 : 1;
}
