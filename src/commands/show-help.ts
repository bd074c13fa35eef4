import type { Io } from './io.ts';
import { commands, program } from './root.ts';
import { type Route, route } from './route.ts';

/** Writes the help that a command line asks for; false when it asks for none, or cannot be understood. */
export async function showHelp(argv: readonly string[], io: Io): Promise<boolean> {
  // What is wrong with a command line is told by who runs it.
  const way = await route(argv, program, commands).catch(() => undefined);
  if (!way?.help) return false;
  await writeHelp(way, io);
  return true;
}

/** Writes the help of the command that a route leads to. */
export async function writeHelp({ path }: Route, io: Io): Promise<void> {
  const { formatHelp } = await import('./help.ts');
  const spec = path.at(-1)!;
  const children = spec === program ? commands : (spec.commands ?? []);
  io.stdout.write(formatHelp(path, io.stdout, io.env, children));
}
