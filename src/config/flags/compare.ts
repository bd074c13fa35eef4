import type { FlagSpec, FlagValue } from './spec.ts';

/** A flag as the help of a cobra command shows it. */
export interface HelpFlag {
  name: string;
  short?: string;
  /** pflag's name of the type, `bool` for a flag without a value. */
  type: string;
  default?: string;
}

export interface FlagDifferences {
  /** In the help, not in the table. */
  missing: string[];
  /** In the table, not in the help. */
  extra: string[];
  /** In both, with another type, short form or default: one sentence each. */
  changed: string[];
}

/** Reads the flags of `kubeadm COMMAND --help` (local and global ones), without --help itself. */
export function parseHelp(helpText: string): HelpFlag[] {
  const flags: HelpFlag[] = [];
  for (const line of helpText.split('\n')) {
    const match = /^ {2,}(?:-(\w), | {4})--([a-z][a-z0-9-]*)(?: (\S+))? {2,}\S/.exec(line);
    if (match) {
      const flag: HelpFlag = { name: match[2]!, type: match[3] ?? 'bool' };
      if (match[1]) flag.short = match[1];
      flags.push(flag);
    }
    // A description may go on in further lines; the default ends it.
    const value = /\(default (.*)\)$/.exec(line)?.[1];
    const last = flags.at(-1);
    if (value !== undefined && last) last.default = value.replace(/^"(.*)"$/, '$1');
  }
  return flags.filter((flag) => flag.name !== 'help');
}

/**
 * Compares a table with the help text of the command that it describes, so that a kubeadm that adds, drops or
 * changes a flag is noticed. Only flags of group kubeadm count; hidden ones may be absent from the help.
 */
export function compareFlags(helpText: string, table: readonly FlagSpec[]): FlagDifferences {
  const specs = new Map(table.filter((spec) => spec.group === 'kubeadm').map((spec) => [spec.name, spec]));
  const shown = new Map(parseHelp(helpText).map((flag) => [flag.name, flag]));
  const changed: string[] = [];
  for (const [name, flag] of shown) {
    const spec = specs.get(name);
    if (spec) changed.push(...compareOne(flag, spec));
  }
  return {
    missing: [...shown.keys()].filter((name) => !specs.has(name)),
    extra: [...specs.values()]
      .filter((spec) => !spec.hidden && !shown.has(spec.name))
      .map((spec) => spec.name),
    changed,
  };
}

const types: Record<string, readonly FlagValue[]> = {
  bool: ['bool'],
  string: ['string', 'map'],
  strings: ['strings'],
  int: ['int'],
  int32: ['int'],
  duration: ['duration'],
  Level: ['int', 'count'],
  moduleSpec: ['string'],
};

function compareOne(flag: HelpFlag, spec: FlagSpec): string[] {
  const found: string[] = [];
  if (!types[flag.type]?.includes(spec.value))
    found.push(`--${flag.name} takes ${flag.type}, not ${spec.value}`);
  if (flag.short !== spec.short) found.push(`--${flag.name} has the short form ${flag.short ?? 'none'}`);
  const ours = defaultText(spec);
  if (flag.default !== undefined && flag.default !== ours) {
    found.push(`--${flag.name} is ${flag.default} by default, not ${ours}`);
  }
  return found;
}

function defaultText(spec: FlagSpec): string {
  return Array.isArray(spec.default) ? `[${spec.default.join(',')}]` : String(spec.default);
}
