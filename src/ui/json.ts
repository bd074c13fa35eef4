import type { EdgeadmError } from '../errors.ts';
import type { Event } from '../workflow/events.ts';
import { throttle } from './progress.ts';
import type { Renderer, RenderOptions } from './renderer.ts';

/** Progress of one step is told at most this often, in milliseconds. */
const INTERVAL_MS = 200;

/** One JSON object a line on stdout; the last one is the result, also of a failed run. */
export function jsonRenderer({ stdout, verbosity, command, now }: RenderOptions): Renderer {
  const due = throttle(INTERVAL_MS, now);
  const write = (value: object): void => {
    stdout.write(`${JSON.stringify(value)}\n`);
  };
  return {
    emit(event: Event) {
      if (event.type === 'log' && event.level > verbosity) return;
      if (event.type === 'progress' && !due(event)) return;
      write(event);
    },
    pause: () => () => {},
    fail(error) {
      write({ type: 'result', ok: false, command, error: errorData(error) });
    },
    close() {},
  };
}

/** What a program needs to know about a failure. */
function errorData(error: EdgeadmError): Record<string, unknown> {
  return {
    code: error.code,
    message: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.host === undefined ? {} : { host: error.host }),
    details: error.details,
    exitCode: error.exitCode,
  };
}
