import type { EdgeadmError } from '../errors.ts';
import type { Emit } from '../workflow/events.ts';
import { type Environment, isLive, type Output } from './terminal.ts';

export const formats = ['tree', 'plain', 'json'] as const;
export type Format = (typeof formats)[number];

export interface RenderOptions {
  stdout: Output;
  stderr: Output;
  env: Environment;
  /** `log` events above this level are left out. */
  verbosity: number;
  /** Shown in the final result of -o json: `init`, `package build`. */
  command: string;
  /** Milliseconds since some start; injected by tests. */
  now?: () => number;
}

/**
 * Turns the one event stream into what a person or a program reads. Results (messages, plans, data) go to stdout,
 * everything else to stderr; with -o json all of it is lines on stdout.
 */
export interface Renderer {
  emit: Emit;
  /** Clears the way for a question; what comes meanwhile waits until the returned function is called. */
  pause(): () => void;
  /** Shows why the run failed. Call once, instead of a `result` event. */
  fail(error: EdgeadmError): void;
  /** Prints what is kept for the end and gives the terminal back. Call once, last. */
  close(): void;
}

/** A tree on a terminal, plain lines elsewhere, unless the user says otherwise. */
export function defaultFormat(stderr: Output, env: Environment): Format {
  return isLive(stderr, env) ? 'tree' : 'plain';
}

export async function createRenderer(format: Format, options: RenderOptions): Promise<Renderer> {
  switch (format) {
    case 'tree':
      return (await import('./tree.ts')).treeRenderer(options);
    case 'plain':
      return (await import('./plain.ts')).plainRenderer(options);
    case 'json':
      return (await import('./json.ts')).jsonRenderer(options);
  }
}
