import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

/** A piece of content: bytes, or a file that is read when it is needed, so that big ones are never copied or held. */
export type Segment = Uint8Array | { path: string; size: number; sha256?: string };

export function segmentsSize(segments: readonly Segment[]): number {
  return segments.reduce(
    (sum, segment) => sum + (segment instanceof Uint8Array ? segment.length : segment.size),
    0,
  );
}

/** Reads segments in chunks of at most `chunkSize` bytes. Throws when a file is not as long as it was said to be. */
export async function* readSegments(
  segments: readonly Segment[],
  chunkSize = 1 << 20,
): AsyncGenerator<Uint8Array> {
  for (const segment of segments) {
    if (segment instanceof Uint8Array) {
      for (let at = 0; at < segment.length; at += chunkSize) yield segment.subarray(at, at + chunkSize);
      continue;
    }
    const file = await open(segment.path);
    try {
      let left = segment.size;
      while (left > 0) {
        const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(Math.min(chunkSize, left)));
        if (bytesRead === 0) throw new Error(`${segment.path} is shorter than ${segment.size} bytes`);
        left -= bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  }
}

/** SHA-256 of segments, lower-case hex; reads all of them. */
export async function hashSegments(segments: readonly Segment[]): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of readSegments(segments)) hash.update(chunk);
  return hash.digest('hex');
}
