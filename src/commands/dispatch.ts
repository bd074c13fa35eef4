import { EdgeadmError, toEdgeadmError } from '../errors.ts';
import type { Io } from './io.ts';
import { commands, program } from './root.ts';
import { route } from './route.ts';

/** Finds the command, shows its help or runs it. Returns the exit code. */
export async function dispatch(argv: readonly string[], io: Io): Promise<number> {
  try {
    const way = await route(argv, program, commands);
    const spec = way.path.at(-1)!;
    const children = spec === program ? commands : (spec.commands ?? []);
    const help = async (): Promise<void> => {
      const { writeHelp } = await import('./show-help.ts');
      await writeHelp(way, io);
    };
    const bare = way.args.length === 0 && way.unknown.length === 0;
    if (way.help || (spec === program && bare)) {
      await help();
      return 0;
    }
    const { parse } = await import('./program.ts');
    const parsed = parse(way, children);
    if (!spec.run) {
      await help();
      throw new EdgeadmError('E_USAGE', `"edgeadm ${parsed.command}" needs a command`, {
        hint: `One of: ${children.map(({ name }) => name).join(', ')}.`,
      });
    }
    const { runCommand } = await import('./session.ts');
    return await runCommand(parsed, io);
  } catch (thrown) {
    const error = toEdgeadmError(thrown);
    const { createRenderer } = await import('../ui/renderer.ts');
    const { stdout, stderr, env } = io;
    const format = asksForJson(argv) ? 'json' : 'plain';
    const renderer = await createRenderer(format, {
      stdout,
      stderr,
      env,
      verbosity: 0,
      command: argv.join(' '),
    });
    renderer.fail(error);
    renderer.close();
    return error.exitCode;
  }
}

/** Whether a command line that could not be understood asks for JSON. */
const asksForJson = (argv: readonly string[]): boolean =>
  argv.some((word, at) => {
    const before = argv[at - 1] ?? '';
    return (
      /^(-o=?|--output(-format)?=)json$/.test(word) ||
      (word === 'json' && /^(-o|--output(-format)?)$/.test(before))
    );
  });
