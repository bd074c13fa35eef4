import type { ChildProcess } from 'node:child_process';
import { StringDecoder } from 'node:string_decoder';

/** How long a stopped process group has between SIGTERM and SIGKILL. */
const graceMs = 5_000;
/** How long output may still come after the program itself has ended (a daemon that kept its pipes). */
const drainMs = 1_000;

/**
 * Stops a process group at a deadline or an abort: SIGTERM, then SIGKILL, the leader's offspring included.
 * `why` says which of the two it was; `release` ends the watch.
 */
export function watchGroup(
  child: ChildProcess,
  limits: { timeoutMs: number; signal: AbortSignal | undefined },
): { why(): 'timeout' | 'signal' | undefined; release(): void } {
  let stopped: 'timeout' | 'signal' | undefined;
  const timers: NodeJS.Timeout[] = [];
  const stop = (why: typeof stopped): void => {
    if (stopped) return;
    stopped = why;
    killGroup(child.pid, 'SIGTERM');
    timers.push(setTimeout(() => killGroup(child.pid, 'SIGKILL'), graceMs));
  };
  const onAbort = (): void => stop('signal');
  timers.push(setTimeout(() => stop('timeout'), limits.timeoutMs));
  limits.signal?.addEventListener('abort', onAbort, { once: true });
  child.once('exit', () => {
    // What is left of a group that was stopped must not outlive its leader.
    if (stopped) killGroup(child.pid, 'SIGKILL');
    timers.push(
      setTimeout(() => {
        child.stdout?.destroy();
        child.stderr?.destroy();
      }, drainMs),
    );
  });
  return {
    why: () => stopped,
    release() {
      for (const timer of timers) clearTimeout(timer);
      limits.signal?.removeEventListener('abort', onAbort);
    },
  };
}

/** Gathers a stream's text and hands out its lines as they end; the returned function gives the whole text at the end. */
export function collect(stream: NodeJS.ReadableStream | null, onLine: (line: string) => void): () => string {
  const decoder = new StringDecoder('utf8');
  const parts: string[] = [];
  let open = '';
  stream?.on('data', (chunk: Buffer) => {
    const text = decoder.write(chunk);
    parts.push(text);
    const lines = (open + text).split('\n');
    open = lines.pop() ?? '';
    for (const line of lines) onLine(line.replace(/\r$/, ''));
  });
  stream?.on('error', () => {});
  return () => {
    const rest = decoder.end();
    if (rest !== '') parts.push(rest);
    if (open + rest !== '') onLine(open + rest);
    open = '';
    return parts.join('');
  };
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group has ended.
  }
}
