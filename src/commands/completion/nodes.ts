import type { FlagSpec } from '../../config/flags/spec.ts';
import { flagsOf } from '../route.ts';
import type { CommandSpec, LazyCommand } from '../spec.ts';

/** One command, as far as a completion script needs to know it. */
export interface CompletionNode {
  /** Words from the program to it: `[]`, `['init', 'phase', 'certs']`. */
  path: readonly string[];
  children: readonly { name: string; short: string }[];
  flags: readonly CompletionFlag[];
}

export interface CompletionFlag {
  name: string;
  short: string | undefined;
  description: string;
  /** A switch takes no value. */
  isSwitch: boolean;
  /** Values that it can have, when they are known; otherwise files are completed. */
  values: readonly string[];
}

/** The program and its commands, as root.ts has them. */
export interface CommandTree {
  program: CommandSpec;
  commands: readonly LazyCommand[];
}

/** Every command of the program, parents before children. */
export async function collectNodes({ program, commands }: CommandTree): Promise<CompletionNode[]> {
  const visible = commands.filter(({ hidden }) => !hidden);
  const specs = await Promise.all(visible.map((command) => command.load()));
  const help = { name: 'help', short: 'Show the help of a command' };
  const root = {
    path: [],
    children: [...specs.map(toChild), help],
    flags: flagsOf(program).map((flag) => toFlag(flag, [])),
  };
  return [root, ...specs.flatMap((spec) => visit(spec, [], phasesOf(spec)))];
}

function visit(spec: CommandSpec, parents: readonly string[], phases: readonly string[]): CompletionNode[] {
  const path = [...parents, spec.name];
  const children = (spec.commands ?? []).filter(({ hidden }) => !hidden);
  const flags = flagsOf(spec).filter(({ hidden, deprecated }) => !hidden && !deprecated);
  return [
    { path, children: children.map(toChild), flags: flags.map((flag) => toFlag(flag, phases)) },
    ...children.flatMap((child) => visit(child, path, phases)),
  ];
}

const toChild = ({ name, short }: { name: string; short: string }) => ({ name, short });

function toFlag(flag: FlagSpec, phases: readonly string[]): CompletionFlag {
  // `tree|plain|json` names the values; `file|folder|URL` and names in capitals are kinds of values.
  const listed =
    flag.argName?.includes('|') && !/file|folder|[A-Z]/.test(flag.argName) ? flag.argName.split('|') : [];
  return {
    name: flag.name,
    short: flag.short,
    description: flag.description,
    isSwitch: flag.value === 'bool',
    values: flag.name === 'skip-phases' ? phases : listed,
  };
}

/** Names that --skip-phases takes: `certs`, `certs/ca`. */
function phasesOf(spec: CommandSpec): string[] {
  const names = (phase: CommandSpec, parents: readonly string[]): string[] => {
    if (phase.name === 'all') return [];
    const path = [...parents, phase.name];
    return [path.join('/'), ...(phase.commands ?? []).flatMap((child) => names(child, path))];
  };
  const group = spec.commands?.find(({ name }) => name === 'phase');
  return (group?.commands ?? []).flatMap((phase) => names(phase, []));
}
