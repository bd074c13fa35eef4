import { Command, CommanderError, Option } from 'commander';
import { camelCase, type FlagValues } from '../config/flags/spec.ts';
import { EdgeadmError } from '../errors.ts';
import { flagsOf, type Route } from './route.ts';
import type { CommandSpec } from './spec.ts';
import { didYouMean } from './suggest.ts';
import { parseValue } from './values.ts';

export interface Parsed {
  spec: CommandSpec;
  /** `init phase certs ca` */
  command: string;
  args: readonly string[];
  flags: FlagValues;
  /** What to tell about flags that are on their way out. */
  deprecations: readonly string[];
}

/**
 * Checks a command line against the definition of its command.
 * Errors: E_USAGE for an unknown command or flag (with the nearest one), a wrong value, or a wrong number of arguments.
 */
export function parse({ path, flags, unknown, args }: Route, children: readonly { name: string }[]): Parsed {
  const spec = path.at(-1)!;
  const names = path.slice(1).map(({ name }) => name);
  const command = names.join(' ');
  const see = `See \`edgeadm ${[...names, '--help'].join(' ')}\`.`;
  if (args[0] !== undefined && unknown.length === 0 && !spec.arguments && children.length > 0) {
    spec.refuse?.(args);
    throw unknownCommand(children, command, args[0], see);
  }

  const own = flagsOf(spec);
  const leaf = new Command(spec.name)
    .exitOverride()
    .helpOption(false)
    .configureOutput({ outputError: () => {} });
  for (const { name, description } of spec.arguments ?? []) leaf.argument(name, description);
  for (const flag of own) {
    leaf.addOption(
      new Option(`--${flag.name} <value>`).argParser((text, previous) => parseValue(flag, text, previous)),
    );
  }
  leaf.allowExcessArguments(false).action(() => {});
  try {
    const written = flags.map(({ name, text }) => `--${name}=${text}`);
    leaf.parse([...written, ...unknown, '--', ...args], { from: 'user' });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    throw usageError(thrown, { own: own.map(({ name }) => name), command, args, spec, see });
  }
  const used = new Set(flags.map(({ name }) => name));
  return {
    spec,
    command,
    args,
    flags: byCamelCase(leaf.opts()),
    deprecations: own
      .filter((flag) => flag.deprecated !== undefined && used.has(flag.name))
      .map((flag) => `flag --${flag.name} is deprecated: use ${flag.deprecated}`),
  };
}

/** commander's names are ours but for flags like --no-x, which we do not have. */
const byCamelCase = (values: Record<string, unknown>): FlagValues =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [camelCase(name), value]));

function unknownCommand(
  children: readonly { name: string }[],
  command: string,
  word: string,
  see: string,
): EdgeadmError {
  const known = children.map(({ name }) => name);
  const place = command === '' ? 'edgeadm' : `edgeadm ${command}`;
  return new EdgeadmError('E_USAGE', `unknown command "${word}" for "${place}"`, {
    hint: `${didYouMean(word, known)}${see}`,
  });
}

function usageError(
  error: CommanderError,
  {
    own,
    command,
    args,
    spec,
    see,
  }: { own: string[]; command: string; args: readonly string[]; spec: CommandSpec; see: string },
): EdgeadmError {
  switch (error.code) {
    case 'commander.unknownOption': {
      const written = /'(-[^']*)'/.exec(error.message)?.[1] ?? '';
      const flag = written.replace(/=.*$/s, '');
      const near = didYouMean(
        flag,
        own.map((name) => `--${name}`),
      );
      return new EdgeadmError('E_USAGE', `unknown flag: ${flag}`, { hint: `${near}${see}` });
    }
    case 'commander.excessArguments': {
      const most = spec.arguments?.length ?? 0;
      const takes = most === 0 ? 'no argument' : `at most ${most} argument${most === 1 ? '' : 's'}`;
      const extra = args[most] ?? '';
      return new EdgeadmError('E_USAGE', `"edgeadm ${command}" takes ${takes}; "${extra}" is too many`, {
        hint: see,
      });
    }
    case 'commander.missingArgument': {
      const missing = (spec.arguments ?? []).find(
        ({ name }, at) => name.startsWith('<') && args[at] === undefined,
      );
      return new EdgeadmError('E_USAGE', `"edgeadm ${command}" needs ${missing?.name ?? 'an argument'}`, {
        hint: `${missing ? `It is the ${missing.description}. ` : ''}${see}`,
      });
    }
    default:
      return new EdgeadmError('E_USAGE', error.message.replace(/^error: /, ''), { hint: see, cause: error });
  }
}
