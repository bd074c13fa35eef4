import type { Output } from '../ui/terminal.ts';

/** What a command knows of the process around it; tests give their own. */
export interface Io {
  stdin: NodeJS.ReadableStream & { isTTY?: boolean };
  stdout: Output;
  stderr: Output;
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  /** Effective user id; 0 is root. */
  uid: number;
  /** Calls back at each SIGINT, SIGTERM or SIGHUP until the returned function is called. */
  onSignal(listener: (signal: Signal) => void): () => void;
  /** Ends the process at once; its children end with it. */
  quit(exitCode: number): void;
  /** Puts another text in place of the command line that other users see (ps). */
  showAs?(commandLine: string): void;
}

export type Signal = keyof typeof signalNumbers;

/** Exit code of a run that a signal stopped is 128 and this. */
export const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

export function processIo(): Io {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // Whoever read the output has gone (`| head`); the work goes on without them.
      if (error.code !== 'EPIPE') throw error;
    });
  }
  return {
    // Opened when it is asked for, which few commands do.
    get stdin() {
      return process.stdin;
    },
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    uid: process.geteuid?.() ?? 0,
    onSignal(listener) {
      const names = Object.keys(signalNumbers) as Signal[];
      const listeners = names.map((name) => [name, () => listener(name)] as const);
      for (const [name, call] of listeners) process.on(name, call);
      return () => {
        for (const [name, call] of listeners) process.off(name, call);
      };
    },
    quit(exitCode) {
      killChildren();
      process.exit(exitCode);
    },
    showAs(commandLine) {
      process.title = commandLine;
    },
  };
}

/** Programs run in process groups of their own, so that a terminal's Ctrl-C does not reach them; this ends them. */
function killChildren(): void {
  try {
    // Not imported: that would load all of node:fs at every start.
    const { readFileSync } = process.getBuiltinModule('node:fs');
    const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8');
    for (const pid of children.split(' ').filter(Boolean).map(Number)) {
      try {
        process.kill(-pid, 'SIGKILL');
      } catch {
        process.kill(pid, 'SIGKILL');
      }
    }
  } catch {
    // A kernel without /proc/PID/task/TID/children, or children that have just ended.
  }
}
