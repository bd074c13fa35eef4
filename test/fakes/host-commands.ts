import { EdgeadmError } from '../../src/errors.ts';
import type { Command, CommandResult } from '../../src/host/host.ts';
import { quoteCommand } from '../../src/host/quote.ts';

export type Reply =
  | Partial<CommandResult>
  | Error
  | ((command: Command) => Partial<CommandResult> | Promise<Partial<CommandResult>>);

/** Commands that a FakeHost was asked to run, and what it answers. */
export class FakeCommands {
  readonly asked: Command[] = [];
  readonly #missing: Set<string>;
  readonly #replies: { match: string | RegExp; reply: Reply }[] = [];

  constructor(missing: readonly string[] = []) {
    this.#missing = new Set(missing);
  }

  reply(match: string | RegExp, reply: Reply): void {
    this.#replies.unshift({ match, reply });
  }

  async execute(command: Command, allowFailure: boolean): Promise<CommandResult> {
    command.signal?.throwIfAborted();
    this.asked.push(command);
    const line = quoteCommand(command.file, command.args);
    if (this.#missing.has(command.file)) {
      throw new EdgeadmError('E_COMMAND_MISSING', `no program ${command.file} on this host`);
    }
    const found = this.#replies.find(({ match }) => matches(match, line))?.reply ?? {};
    if (found instanceof Error) throw found;
    const partial = typeof found === 'function' ? await found(command) : found;
    const result = { exitCode: 0, stdout: '', stderr: '', ...partial };
    for (const stream of ['stdout', 'stderr'] as const) {
      for (const text of result[stream].split('\n').filter(Boolean)) command.onLine?.(text, stream);
    }
    if (result.exitCode === 0 || allowFailure) return result;
    throw new EdgeadmError('E_COMMAND', `${line} failed with exit status ${result.exitCode}`, {
      details: `${result.stdout}${result.stderr}`.split('\n').filter(Boolean),
    });
  }
}

function matches(match: string | RegExp, line: string): boolean {
  return typeof match === 'string' ? line === match || line.startsWith(`${match} `) : match.test(line);
}
