import type { Io } from './commands/io.ts';

/**
 * Runs one command line and returns its exit code: 0, or kubeadm's 1 (general), 2 (preflight) and 3 (validation), or 128
 * and the number of the signal that stopped it. Writes only to the given streams, never ends the process.
 */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  // Scripts ask for the version often, and need no parser for it.
  if (argv.length === 1 && (argv[0] === 'version' || argv[0] === '--version')) {
    const { versionText } = await import('./commands/version.ts');
    io.stdout.write(`${await versionText(undefined)}\n`);
    return 0;
  }
  // Nor does help need what runs commands: the bundled program has all of it in one small file.
  if (argv.some((word) => word === '--help' || word === '-h' || word === 'help')) {
    const { showHelp } = await import('./commands/show-help.ts');
    if (await showHelp(argv, io)) return 0;
  }
  const { dispatch } = await import('./commands/dispatch.ts');
  return dispatch(argv, io);
}

// The launcher starts this file by its real path. Older Node.js does not know import.meta.main.
if (import.meta.main ?? process.argv[1] === import.meta.filename) {
  const { processIo } = await import('./commands/io.ts');
  process.exitCode = await main(process.argv.slice(2), processIo());
}
