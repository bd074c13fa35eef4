import type { Answer } from '../http1/client-connection.ts';
import type { Response } from '../http1/response.ts';

/**
 * Passes an answer's body on as it came, its chunks included. An API server writes a large list in thousands of small
 * pieces; those that arrive in one turn of the event loop leave as one; a short answer leaves with its head. `onContent`
 * sees the content of each piece after the client got it.
 */
export function pump(
  answer: Answer,
  response: Response,
  onContent?: (content: readonly Buffer[]) => void,
): void {
  // Without a length the client gets chunks of our own.
  const asItCame = answer.length !== 'close';
  let waiting: Buffer[] = [];
  let seen: Buffer[] = [];
  let scheduled = false;
  let over = false;
  const take = (): Buffer | undefined => {
    const block = waiting.length > 1 ? Buffer.concat(waiting) : waiting[0];
    waiting = [];
    return block;
  };
  const tell = () => {
    const content = seen;
    seen = [];
    if (content.length > 0) onContent?.(content);
  };
  const flush = () => {
    scheduled = false;
    const block = take();
    if (!block || over) return;
    if (!response.write(block, asItCame)) answer.pause();
    tell();
  };
  if (!answer.complete) response.whenRoom(() => answer.resume());
  answer.consume({
    data(content, wire) {
      waiting.push(wire);
      if (onContent) seen.push(...content);
      if (scheduled || answer.complete) return;
      scheduled = true;
      setImmediate(flush);
    },
    end(error) {
      over = true;
      if (error) {
        response.destroy();
        return;
      }
      response.end(take(), asItCame);
      tell();
    },
  });
}
