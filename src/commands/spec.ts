import type { FlagSpec, FlagValues } from '../config/flags/spec.ts';
import type { Format } from '../ui/renderer.ts';
import type { Emit } from '../workflow/events.ts';
import type { Io } from './io.ts';

/** A command as data: from the tree of commands come the parser, the help, the completion and the suggestions. */
export interface CommandSpec {
  name: string;
  aliases?: readonly string[];
  /** One line for the list of commands. */
  short: string;
  long?: string;
  /** Lines as they are shown: comments and commands. */
  examples: string;
  /** Positional arguments, as commander writes them: `[token]`, `<node>`, `[ids...]`. */
  arguments?: readonly { name: string; description: string }[];
  flags?: readonly FlagSpec[];
  commands?: readonly CommandSpec[];
  /** Positional arguments after which everything is handed on as it is: `exec NODE CMD…`. */
  verbatimAfter?: number;
  /** Its words may be joined by `/`: `init phase certs/ca`. */
  slashes?: boolean;
  /** Says in its own words that there is no such command below it, by throwing. */
  refuse?(words: readonly string[]): void;
  /** Further sections of the help, below the description. */
  sections?: readonly { title: string; items: readonly { term: string; text: string }[] }[];
  hidden?: boolean;
  /** Runs another program on this terminal: Ctrl-C is for that one, and nothing is said about it. */
  foreground?: boolean;
  /** --rootfs is handed on to kubeadm, or edgeadm enters that root itself; the others do not take it. */
  rootfs?: 'handed-on' | 'entered';
  /** Left out when the command only groups others. */
  run?(call: Call): Promise<Outcome | undefined>;
}

/** A command whose definition is only loaded when it is asked for. */
export interface LazyCommand {
  name: string;
  aliases?: readonly string[];
  short: string;
  /** Started by units and Deployments; nobody types it. */
  hidden?: boolean;
  load(): Promise<CommandSpec>;
}

/** One invocation of a command. */
export interface Call {
  /** `init phase certs ca` */
  command: string;
  args: readonly string[];
  flags: FlagValues;
  io: Io;
  emit: Emit;
  /** Aborted by Ctrl-C. */
  signal: AbortSignal;
  /** How its events are shown. */
  format: Format;
  /** Level of -v. */
  verbosity: number;
  /** Asks a yes-or-no question on the terminal; false when there is nobody to ask (-o json, end of input). */
  confirm(question: string): Promise<boolean>;
}

/** What a command hands back. */
export interface Outcome {
  /** Exit code of a program that it stood in for; default 0. */
  exitCode?: number;
  /** What -o json shows. */
  data?: Record<string, unknown>;
  /** What people read on stdout. */
  text?: string;
}
