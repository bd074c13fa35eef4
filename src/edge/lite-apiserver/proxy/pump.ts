import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * Passes an answer's body on. An API server writes a large list in thousands of small pieces; those that arrive in one
 * turn of the event loop leave as one, which halves the work per byte; a short answer leaves with its head. `onBlock` sees each block after the client got it.
 */
export function pump(
  answer: IncomingMessage,
  response: ServerResponse,
  onBlock?: (block: Buffer) => void,
): void {
  if (answer.complete) {
    const whole: Buffer | null = answer.read();
    response.end(whole ?? undefined);
    if (whole) onBlock?.(whole);
    return;
  }
  let waiting: Buffer[] = [];
  let scheduled = false;
  let over = false;
  const flush = () => {
    scheduled = false;
    const block = take();
    if (!block || over) return;
    if (!response.write(block)) answer.pause();
    onBlock?.(block);
  };
  const take = (): Buffer | undefined => {
    if (waiting.length === 0) return undefined;
    const block = waiting.length === 1 ? waiting[0] : Buffer.concat(waiting);
    waiting = [];
    return block;
  };
  const stop = () => {
    over = true;
    answer.destroy();
  };
  answer.on('data', (chunk: Buffer) => {
    waiting.push(chunk);
    if (scheduled) return;
    scheduled = true;
    setImmediate(flush);
  });
  answer.once('end', () => {
    if (over) return;
    over = true;
    const block = take();
    response.end(block);
    if (block) onBlock?.(block);
  });
  answer.once('error', () => response.destroy());
  answer.once('close', () => {
    if (!answer.complete) response.destroy();
  });
  response.on('drain', () => answer.resume());
  response.once('close', stop);
  answer.resume();
}
