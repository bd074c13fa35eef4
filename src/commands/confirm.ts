import { createInterface } from 'node:readline';
import type { Io } from './io.ts';

/** Asks `QUESTION [y/N]`; anything but y or yes, and the end of the input, is a no. Rejects when aborted. */
export async function confirm(question: string, io: Io, signal: AbortSignal): Promise<boolean> {
  signal.throwIfAborted();
  io.stderr.write(`${question} [y/N] `);
  const lines = createInterface({ input: io.stdin });
  try {
    return await new Promise<boolean>((resolve, reject) => {
      lines.once('line', (line) => resolve(/^\s*y(es)?\s*$/i.test(line)));
      lines.once('close', () => resolve(false));
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  } finally {
    lines.close();
  }
}
