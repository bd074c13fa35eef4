import type { IncomingMessage } from 'node:http';

/** A whole body; undefined when it is larger than the limit or cut off. Used only where the proxy must understand it. */
export async function readBody(message: IncomingMessage, limitBytes: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of message) {
      size += (chunk as Buffer).length;
      if (size > limitBytes) return undefined;
      chunks.push(chunk as Buffer);
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(chunks);
}

/** The same for an answer, read by events since its bytes are counted elsewhere too. */
export function readAnswer(answer: IncomingMessage, limitBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    answer.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > limitBytes) answer.destroy(new Error('the answer is too large'));
      else chunks.push(chunk);
    });
    answer.once('error', reject);
    answer.once('close', () =>
      answer.complete ? resolve(Buffer.concat(chunks)) : reject(new Error('the answer was cut short')),
    );
    answer.resume();
  });
}
