import { spawn } from 'node:child_process';
import { open, stat } from 'node:fs/promises';
import { constants } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { camelCase } from '../config/flags/spec.ts';
import { EdgeadmError } from '../errors.ts';
import { programRoot } from '../package/program/root.ts';
import type { Io } from './io.ts';
import { notRoot } from './privilege.ts';
import type { Parsed } from './program.ts';
import { flagsOf } from './route.ts';

/**
 * Runs the same command with another folder as its root, as kubeadm does with --rootfs
 * (cmd/kubeadm/app/util/chroot_unix.go). Node.js has no chroot(2), so that chroot(8) starts a second edgeadm in it; its
 * program and Node.js need not be in the folder, since it gets them as open files. Returns its exit code.
 * Errors: E_PREFLIGHT without root, E_USAGE for a folder that is no root, E_COMMAND, E_COMMAND_MISSING.
 */
export async function enterRoot(parsed: Parsed, io: Io): Promise<number> {
  const root = resolve(io.cwd, String(parsed.flags.rootfs));
  if (io.uid !== 0) throw notRoot(parsed.command, io.uid);
  if (!(await stat(join(root, 'proc', 'self')).catch(() => undefined))) {
    throw new EdgeadmError(
      'E_USAGE',
      `--rootfs: ${root} is not the root of a running host: it has no proc/self`,
      {
        hint: `Mount the host's there, e.g. \`mount --rbind / ${root}\`, or in a container as a volume of the host's /.`,
      },
    );
  }
  // This process stays; its own arguments may hold a token.
  io.showAs?.(`edgeadm ${parsed.command} --rootfs=${root}`);
  const [node, program] = [await open(process.execPath), await open(programRoot())];
  try {
    const script = join('/proc/self/fd/4', relative(programRoot(), process.argv[1]!));
    // Without them Node.js looks for the files where the links point to, which is outside of the new root.
    const links = ['--preserve-symlinks', '--preserve-symlinks-main'];
    const child = spawn('chroot', [root, '/proc/self/fd/3', ...links, script, ...argumentsOf(parsed)], {
      stdio: ['inherit', 'inherit', 'inherit', node.fd, program.fd],
      // The cache would be a folder of this file system made in the other.
      env: { ...io.env, PATH: `${io.env.PATH ?? ''}:/usr/sbin:/sbin`, NODE_COMPILE_CACHE: undefined },
    });
    // What a terminal sends reaches both.
    const stop = io.onSignal((signal) => signal === 'SIGTERM' && child.kill(signal));
    try {
      return await ending(child, root);
    } finally {
      stop();
    }
  } finally {
    await Promise.all([node.close(), program.close()]);
  }
}

/** The command line without --rootfs. */
function argumentsOf({ spec, command, flags, args }: Parsed): string[] {
  const given = flagsOf(spec).flatMap(({ name }) => {
    const value = name === 'rootfs' ? undefined : flags[camelCase(name)];
    if (value === undefined) return [];
    return (Array.isArray(value) ? value : [value]).map((each) => `--${name}=${each}`);
  });
  return [...command.split(' '), ...given, '--', ...args];
}

function ending(child: ReturnType<typeof spawn>, root: string): Promise<number> {
  return new Promise((done, fail) => {
    child.once('error', (cause: NodeJS.ErrnoException) => {
      fail(
        new EdgeadmError('E_COMMAND_MISSING', `--rootfs needs the program chroot: ${cause.message}`, {
          hint: 'Install it (Debian: coreutils), or start edgeadm in the folder yourself.',
          cause,
        }),
      );
    });
    child.once('exit', (code, signal) => {
      // Exit codes of chroot(1) itself; it has said why.
      if (code === 125 || code === 126 || code === 127) {
        fail(
          new EdgeadmError('E_COMMAND', `edgeadm cannot run with ${root} as its root`, {
            hint: "Its Node.js needs that system's GNU C library. Or install edgeadm there and start it with chroot.",
          }),
        );
      } else done(code ?? 128 + constants.signals[signal!]);
    });
  });
}
