import { globalFlags } from '../config/flags/common.ts';
import type { FlagSpec } from '../config/flags/spec.ts';
import { EdgeadmError } from '../errors.ts';
import type { CommandSpec, LazyCommand } from './spec.ts';

/** A command line taken apart: which command it names, and its flags in one form whatever form they were written in. */
export interface Route {
  /** From the program itself to the command that is meant. */
  path: readonly CommandSpec[];
  /** In the order given; text as written. */
  flags: readonly { name: string; text: string }[];
  /** Flags that no command of this branch knows, as written. */
  unknown: readonly string[];
  args: readonly string[];
  help: boolean;
}

/** The format of the output, on every command that has no `--output` of its own. */
const outputFlag: FlagSpec = {
  name: 'output',
  short: 'o',
  value: 'string',
  argName: 'tree|plain|json',
  description: 'tree (default on a terminal), plain lines (default elsewhere) or json, one event a line',
  group: 'edgeadm',
  withConfig: true,
};

/** The same where `--output` is the file that is written, and only `-o` is free. */
const outputFormatFlag: FlagSpec = { ...outputFlag, name: 'output-format' };

/** The flag that says how a command's events are shown; none where `-o` is an output format of the command's own. */
export function formatFlagOf({ flags = [] }: CommandSpec): FlagSpec | undefined {
  const own = flags.find(({ name }) => name === 'output');
  if (!own) return outputFlag;
  return own.short === 'o' ? undefined : outputFormatFlag;
}

/** All flags of a command: its own, then the global ones. */
export function flagsOf(spec: CommandSpec): readonly FlagSpec[] {
  const format = formatFlagOf(spec);
  return [...(spec.flags ?? []), ...(format ? [format] : []), ...globalFlags];
}

/**
 * Finds the command and its flags as cobra and pflag do (https://pkg.go.dev/github.com/spf13/pflag): flags stand
 * anywhere, a boolean never takes the next argument, `--` ends the flags. Loads only the branch that is named.
 * Errors: E_USAGE when a flag lacks its value.
 */
export async function route(
  argv: readonly string[],
  program: CommandSpec,
  commands: readonly LazyCommand[],
): Promise<Route> {
  const end = argv.indexOf('--');
  const named = argv
    .slice(0, end < 0 ? undefined : end)
    .flatMap((word) => commands.find((command) => isNamed(command, word)) ?? []);
  let first: Route | undefined;
  for (const lazy of new Set(named)) {
    const way = walk(argv, program, await lazy.load());
    if (way.path.length === 1) continue;
    // Else it may be the value of a flag that stands before the command.
    if (way.unknown.length === 0) return way;
    first ??= way;
  }
  return first ?? walk(argv, program, undefined);
}

function walk(argv: readonly string[], program: CommandSpec, branch: CommandSpec | undefined): Route {
  const words = argv[0] === 'help' ? argv.slice(1) : argv;
  const table = new FlagTable(program, branch);

  const path = [program];
  const flags: { name: string; short: string | undefined; text: string }[] = [];
  const unknown: string[] = [];
  const args: string[] = [];
  let help = argv[0] === 'help';
  let leaf = program;
  const queue = [...words];

  const add = (flag: FlagSpec, text: string | undefined, short?: string): void => {
    const written = short === undefined ? `--${flag.name}` : `-${short}`;
    const value = text ?? (flag.value === 'bool' ? 'true' : queue.shift());
    if (value === undefined) {
      throw new EdgeadmError('E_USAGE', `flag needs an argument: ${written}`, {
        hint: `Write it as ${written} ${flag.argName ?? flag.value}.`,
      });
    }
    if (flag.name === 'help') help = value !== 'false';
    else flags.push({ name: flag.name, short, text: value });
  };

  while (queue.length > 0) {
    const word = queue.shift() ?? '';
    const verbatim = leaf.verbatimAfter !== undefined && args.length >= leaf.verbatimAfter;
    if (word === '--') {
      args.push(...queue.splice(0));
    } else if (word.startsWith('--')) {
      const at = word.indexOf('=');
      const flag = table.long(word.slice(2, at < 0 ? undefined : at));
      if (flag) add(flag, at < 0 ? undefined : word.slice(at + 1));
      else if (verbatim) args.push(word, ...queue.splice(0));
      else unknown.push(word);
    } else if (word.startsWith('-') && word.length > 1) {
      const known = table.shorthands(word.slice(1));
      if (known) for (const { flag, text } of known) add(flag, text, flag.short);
      else if (verbatim) args.push(word, ...queue.splice(0));
      else unknown.push(word);
    } else if (verbatim) {
      args.push(word, ...queue.splice(0));
    } else {
      const next = args.length === 0 ? descend(leaf, word, leaf === program ? branch : undefined) : undefined;
      if (next) {
        path.push(...next);
        leaf = next.at(-1) ?? leaf;
      } else args.push(word);
    }
  }
  // A letter can stand for another flag in another command of the branch; the command that is meant decides.
  const own = flagsOf(leaf);
  const named = flags.map(({ name, short, text }) => ({
    name: (short !== undefined && own.find((flag) => flag.short === short)?.name) || name,
    text,
  }));
  return { path, flags: named, unknown, args, help };
}

const isNamed = ({ name, aliases }: { name: string; aliases?: readonly string[] }, word: string): boolean =>
  name === word || (aliases?.includes(word) ?? false);

/** The commands below `spec` that a word names: one, or several where they may be joined by `/`. */
function descend(
  spec: CommandSpec,
  word: string,
  branch: CommandSpec | undefined,
): readonly CommandSpec[] | undefined {
  const children = branch ? [branch] : (spec.commands ?? []);
  const child = children.find((command) => isNamed(command, word));
  if (child) return [child];
  if (!spec.slashes || !word.includes('/')) return undefined;
  const found: CommandSpec[] = [];
  for (const part of word.split('/')) {
    const next = (found.at(-1) ?? spec).commands?.find((command) => isNamed(command, part));
    if (!next) return undefined;
    found.push(next);
  }
  return found;
}

/** The flags of a whole branch by name, since a flag may stand before the command that it belongs to. */
class FlagTable {
  readonly #long = new Map<string, FlagSpec>();
  readonly #short = new Map<string, FlagSpec>();

  constructor(program: CommandSpec, branch: CommandSpec | undefined) {
    this.#add({
      name: 'help',
      short: 'h',
      value: 'bool',
      description: '',
      group: 'kubeadm',
      withConfig: true,
    });
    const visit = (spec: CommandSpec): void => {
      for (const flag of flagsOf(spec)) this.#add(flag);
      for (const child of spec.commands ?? []) visit(child);
    };
    visit(program);
    if (branch) visit(branch);
  }

  #add(flag: FlagSpec): void {
    this.#long.set(flag.name, flag);
    if (flag.short !== undefined) this.#short.set(flag.short, flag);
  }

  long(name: string): FlagSpec | undefined {
    return this.#long.get(name);
  }

  /** One-letter flags written together: `-f`, `-fv5`, `-v=5`. Undefined when one is not known. */
  shorthands(letters: string): { flag: FlagSpec; text: string | undefined }[] | undefined {
    const found: { flag: FlagSpec; text: string | undefined }[] = [];
    for (let rest = letters; rest !== ''; rest = rest.slice(1)) {
      const flag = this.#short.get(rest[0] ?? '');
      if (!flag) return undefined;
      if (rest[1] === '=') return [...found, { flag, text: rest.slice(2) }];
      if (flag.value !== 'bool')
        return [...found, { flag, text: rest.length > 1 ? rest.slice(1) : undefined }];
      found.push({ flag, text: undefined });
    }
    return found;
  }
}
