import { EdgeadmError } from '../errors.ts';
import type { Event } from '../workflow/events.ts';
import type { Provider } from './provider.ts';

/** What `edgeadm … -o json` ends with; `error` instead of `data` when it failed. */
export interface EdgeadmResult {
  type: 'result';
  ok: boolean;
  command: string;
  data?: Record<string, unknown>;
  error?: { code: string; message: string; hint?: string; details?: string[]; exitCode: number };
}

export interface EdgeadmOutcome {
  exitCode: number;
  events: Event[];
  /** Undefined when it ended without one (killed). */
  result: EdgeadmResult | undefined;
  /** Lines that are no JSON events, of both streams. */
  output: string[];
}

export interface EdgeadmRun {
  signal?: AbortSignal;
  /** Default 1 800 000. */
  timeoutMs?: number;
  env?: Readonly<Record<string, string>>;
  onEvent?: (event: Event) => void;
  secrets?: readonly string[];
}

/** Runs `edgeadm ARGS -o json` in a node and reads its events. Never throws for an exit code. */
export async function runEdgeadm(
  provider: Provider,
  node: string,
  args: readonly string[],
  { onEvent, timeoutMs = 1_800_000, ...options }: EdgeadmRun = {},
): Promise<EdgeadmOutcome> {
  const events: Event[] = [];
  const output: string[] = [];
  let result: EdgeadmResult | undefined;
  const { exitCode } = await provider.exec(node, ['edgeadm', ...args, '-o', 'json'], {
    ...options,
    timeoutMs,
    allowFailure: true,
    onLine(line) {
      const event = parseEvent(line);
      if (!event) {
        output.push(line);
      } else if (event.type === 'result') {
        result = event as EdgeadmResult;
      } else {
        events.push(event);
        onEvent?.(event);
      }
    },
  });
  return { exitCode, events, result, output };
}

/** Turns an outcome that is no success into an error that says what failed where. */
export function outcomeError(node: string, command: string, outcome: EdgeadmOutcome): EdgeadmError {
  const { result, exitCode, output } = outcome;
  const error = result?.error;
  const why = error ? `${error.message} (${error.code})` : `it ended with exit status ${exitCode}`;
  return new EdgeadmError('E_PLAYGROUND', `edgeadm ${command} failed: ${why}`, {
    host: node,
    details: [...(error?.details ?? []), ...output.slice(-10)],
    ...(error?.hint === undefined ? {} : { hint: error.hint }),
  });
}

function parseEvent(line: string): Event | EdgeadmResult | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const value = JSON.parse(line) as { type?: unknown };
    return typeof value.type === 'string' ? (value as Event) : undefined;
  } catch {
    return undefined;
  }
}
