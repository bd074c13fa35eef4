import { camelCase } from '../config/flags/spec.ts';
import { EdgeadmError, toEdgeadmError } from '../errors.ts';
import { createRenderer, defaultFormat, type Format, formats } from '../ui/renderer.ts';
import type { Event } from '../workflow/events.ts';
import { type Io, signalNumbers } from './io.ts';
import type { Parsed } from './program.ts';
import { formatFlagOf } from './route.ts';

const stopping: Event = {
  type: 'log',
  level: 0,
  message: 'stopping: running programs are asked to end; press Ctrl-C again to kill them at once',
};

/**
 * Runs one command: its events go to the renderer of -o, Ctrl-C aborts it, its outcome or failure is shown.
 * Returns the exit code; throws nothing but what is wrong with -o and -v.
 */
export async function runCommand(parsed: Parsed, io: Io): Promise<number> {
  const { spec, command, args, flags, deprecations } = parsed;
  if (flags.rootfs !== undefined && !spec.rootfs) {
    throw new EdgeadmError('E_USAGE', `"edgeadm ${command}" does not take --rootfs`, {
      hint: `Change the root first: chroot ${flags.rootfs} edgeadm ${command} …`,
    });
  }
  if (flags.rootfs !== undefined && spec.rootfs === 'entered') {
    const { enterRoot } = await import('./rootfs.ts');
    return enterRoot(parsed, io);
  }
  const formatFlag = formatFlagOf(spec);
  const format = chooseFormat(formatFlag && flags[camelCase(formatFlag.name)], io);
  const verbosity = typeof flags.v === 'number' ? flags.v : 0;
  const renderer = await createRenderer(format, {
    stdout: io.stdout,
    stderr: io.stderr,
    env: io.env,
    verbosity,
    command,
  });

  const controller = new AbortController();
  let exitOfSignal: number | undefined;
  const stopListening = io.onSignal((signal) => {
    if (exitOfSignal !== undefined) {
      renderer.close();
      io.quit(exitOfSignal);
      return;
    }
    exitOfSignal = 128 + signalNumbers[signal];
    if (!spec.foreground) renderer.emit(stopping);
    controller.abort();
  });

  try {
    for (const message of deprecations) renderer.emit({ type: 'warning', message });
    const outcome = await spec.run?.({
      command,
      args,
      flags,
      io,
      emit: renderer.emit,
      signal: controller.signal,
      format,
      verbosity,
      confirm: async (question) => {
        if (format === 'json') return false;
        const resume = renderer.pause();
        try {
          return await (await import('./confirm.ts')).confirm(question, io, controller.signal);
        } finally {
          resume();
        }
      },
    });
    const exitCode = outcome?.exitCode ?? 0;
    renderer.emit({ type: 'result', ok: exitCode === 0, command, data: outcome?.data ?? {} });
    renderer.close();
    if (format !== 'json' && outcome?.text) io.stdout.write(`${outcome.text.replace(/\n$/, '')}\n`);
    return exitCode;
  } catch (thrown) {
    if (spec.foreground && exitOfSignal !== undefined) {
      renderer.close();
      return exitOfSignal;
    }
    const error = interrupted(thrown, exitOfSignal !== undefined);
    renderer.fail(error);
    renderer.close();
    return error.code === 'E_INTERRUPTED' ? (exitOfSignal ?? error.exitCode) : error.exitCode;
  } finally {
    stopListening();
  }
}

function chooseFormat(value: unknown, io: Io): Format {
  if (value === undefined) return defaultFormat(io.stderr, io.env);
  const format = formats.find((one) => one === value);
  if (format) return format;
  throw new EdgeadmError('E_USAGE', `invalid argument ${JSON.stringify(value)} for "--output"`, {
    hint: `Use ${formats.join(', ')}.`,
  });
}

/** A program that Ctrl-C ended fails in its own way; what the user wants to hear is that the run was interrupted. */
function interrupted(thrown: unknown, signalled: boolean): EdgeadmError {
  const error = toEdgeadmError(thrown);
  if (!signalled || error.code === 'E_INTERRUPTED') return error;
  const abort = new DOMException('interrupted', 'AbortError');
  const wrapped = toEdgeadmError(abort);
  return new EdgeadmError('E_INTERRUPTED', wrapped.message, {
    ...(wrapped.hint === undefined ? {} : { hint: wrapped.hint }),
    details: [error.message],
    cause: error,
  });
}
