import type { Event } from '../workflow/events.ts';
import { formatFailure, formatWarning } from './failure.ts';
import { type Progress, throttle } from './progress.ts';
import type { Renderer, RenderOptions } from './renderer.ts';
import { oneLine } from './terminal.ts';
import { amount, duration } from './units.ts';

/** Progress of one step is told at most this often, in milliseconds. */
const INTERVAL_MS = 3000;

/** One line per event with the seconds since the start, for pipes and CI. No colour, nothing redrawn. */
export function plainRenderer(options: RenderOptions): Renderer {
  const { stdout, stderr, verbosity, now = () => performance.now() } = options;
  const paint = (_: string, text: string): string => text;
  const started = now();
  const due = throttle(INTERVAL_MS, now);
  /** When the running phase last had a line; a short one needs none of its progress. */
  let running: { phase: string; at: number } | undefined;
  const messages: string[] = [];

  const line = (text: string): void => {
    const seconds = ((now() - started) / 1000).toFixed(1).padStart(6);
    stderr.write(`[${seconds}s] ${oneLine(text)}\n`);
  };

  const progress = (event: Progress): void => {
    const phase = event.phase ?? running?.phase;
    if (phase === undefined || phase !== running?.phase) {
      if (due(event)) line(progressText(event));
    } else if (now() - running.at >= INTERVAL_MS) {
      running.at = now();
      line(progressText({ ...event, phase }));
    }
  };

  const emit = (event: Event): void => {
    switch (event.type) {
      case 'run-start':
        line(`${event.command}: ${event.phases.length} phases`);
        break;
      case 'phase-start':
        line(`${event.phase}: ${event.short}`);
        running = { phase: event.phase, at: now() };
        break;
      case 'phase-skip':
        line(`${event.phase}: skipped: ${event.reason}`);
        break;
      case 'phase-done':
        running = undefined;
        line(
          `${event.phase}: done in ${duration(event.seconds)}${event.changed ? '' : ', nothing to change'}`,
        );
        break;
      case 'phase-fail':
        line(`${event.phase}: failed after ${duration(event.seconds)} (${event.code})`);
        break;
      case 'progress':
        progress(event);
        break;
      case 'change':
        if (event.planned) stdout.write(`${planText(event)}\n`);
        else if (verbosity >= 1) line(`${event.host}: ${event.action} ${event.target} ${event.summary}`);
        break;
      case 'warning':
        stderr.write(formatWarning(event, paint));
        break;
      case 'log':
        if (event.level <= verbosity)
          line(event.source ? `${event.source}: ${event.message}` : event.message);
        break;
      case 'message':
        messages.push(event.text);
        break;
      case 'result':
        break;
    }
  };

  return {
    emit,
    pause: () => () => {},
    fail(error) {
      stderr.write(formatFailure(error, paint, verbosity));
    },
    close() {
      for (const text of messages) stdout.write(`${text.replace(/\n$/, '')}\n`);
    },
  };
}

function progressText({ phase, step, done, total, unit }: Progress): string {
  const where = phase === undefined ? '' : `${phase}: `;
  if (done === undefined || total === undefined || total <= 0) return where + step;
  return `${where}${step} ${amount(done, total, unit)} (${Math.floor((done / total) * 100)}%)`;
}

/** A line of the plan that a dry run prints. */
export function planText({ action, target, summary }: Extract<Event, { type: 'change' }>): string {
  const what = oneLine(`would ${action} ${target}`);
  return summary === '' || summary === target ? what : `${what} (${oneLine(summary)})`;
}
