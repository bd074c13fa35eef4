import { stripVTControlCharacters, styleText } from 'node:util';

/** Where text goes: a terminal, a pipe, or what a test reads. */
export interface Output {
  write(text: string): unknown;
  isTTY?: boolean | undefined;
  columns?: number | undefined;
  rows?: number | undefined;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export type Colour = 'red' | 'green' | 'yellow' | 'cyan' | 'dim' | 'bold';
export type Paint = (colour: Colour, text: string) => string;

/** Whether to colour (https://no-color.org, https://force-color.org). */
export function hasColour(output: Output, env: Environment): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0';
  return output.isTTY === true && env.TERM !== 'dumb';
}

export function painter(output: Output, env: Environment): Paint {
  if (!hasColour(output, env)) return (_, text) => text;
  return (colour, text) => styleText(colour, text, { validateStream: false });
}

/** Whether a live, redrawn picture makes sense on this output. */
export function isLive(output: Output, env: Environment): boolean {
  return output.isTTY === true && env.TERM !== 'dumb' && !env.CI;
}

export interface Symbols {
  done: string;
  failed: string;
  skipped: string;
  pending: string;
  warning: string;
  spinner: readonly string[];
  bar: { full: string; empty: string };
}

const unicode: Symbols = {
  done: '✔',
  failed: '✖',
  skipped: '↷',
  pending: '·',
  warning: '!',
  spinner: ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'],
  bar: { full: '█', empty: '░' },
};

const ascii: Symbols = {
  done: '+',
  failed: 'x',
  skipped: '-',
  pending: '.',
  warning: '!',
  spinner: ['|', '/', '-', '\\'],
  bar: { full: '#', empty: '.' },
};

/** Serial consoles of edge machines often speak ASCII only. */
export function symbols(env: Environment): Symbols {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || '';
  return /utf-?8/i.test(locale) && env.TERM !== 'linux' && env.TERM !== 'vt220' ? unicode : ascii;
}

/** One line without control characters, so that output of programs cannot move the cursor. */
export function oneLine(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/\s+/g, ' ')
    .replace(/\p{Cc}/gu, '')
    .trim();
}

/** Cuts a text without control sequences to `width` columns. */
export function cut(text: string, width: number): string {
  if (text.length <= width) return text;
  return width <= 1 ? text.slice(0, Math.max(width, 0)) : `${text.slice(0, width - 1)}…`;
}
