import { Header } from 'tar';
import { hostile } from '../manifest.ts';
import { corrupt, decompressFrame, type Frame, splitFrames } from './frames.ts';
import { BLOCK } from './tar.ts';

/** What a package's tar holds, in order: a file's header, then its content in pieces. */
export type TarEvent =
  | { type: 'file'; path: string; size: number; mode: number }
  | { type: 'data'; bytes: Buffer; last: boolean }
  /** Content that was asked to be left out. */
  | { type: 'hole'; size: number; last: boolean };

export interface ReadOptions {
  /** Frames at work at once. */
  ahead?: number;
  /** Whether a stretch of the tar (offset and length in bytes) holds only content that nobody wants; it is not decompressed. */
  skip?: (at: number, length: number) => boolean;
}

/** Frames at work at once: two to keep two cores busy, one to be ready. */
const AHEAD = 3;

/**
 * Reads the tar of a package file from its compressed bytes. Frames are decompressed on other threads, a few ahead;
 * memory stays below some 50 MB. Leaving the loop early ends the reading.
 * Errors: E_PACKAGE_CORRUPT, E_PACKAGE_HOSTILE (an entry that is no plain file).
 */
export async function* readPackageTar(
  chunks: AsyncIterable<Uint8Array>,
  options: ReadOptions = {},
): AsyncGenerator<TarEvent> {
  const parser = new TarParser();
  for await (const content of decompressAhead(splitFrames(chunks), options)) {
    yield* typeof content === 'number' ? parser.skip(content) : parser.push(content);
    if (parser.ended) break;
  }
  if (!parser.ended) throw corrupt('it ends too early');
}

/** The frames' contents in order; of one that is skipped, only how long it is. */
async function* decompressAhead(
  frames: AsyncGenerator<Frame>,
  { ahead = AHEAD, skip }: ReadOptions,
): AsyncGenerator<Buffer | number> {
  const waiting: Promise<Buffer | number>[] = [];
  let at = 0;
  try {
    for await (const frame of frames) {
      const { contentSize } = frame;
      const content = skip?.(at, contentSize) ? Promise.resolve(contentSize) : decompressFrame(frame);
      at += contentSize;
      // Its error is met when its turn comes.
      content.catch(() => {});
      waiting.push(content);
      if (waiting.length >= ahead) yield await waiting.shift()!;
    }
    while (waiting.length > 0) yield await waiting.shift()!;
  } finally {
    await frames.return(undefined);
  }
}

/** A tar of plain files only, as `writePackageFile` makes it; anything else is refused. */
class TarParser {
  ended = false;
  /** A header or padding that was cut by the end of a frame. */
  #rest: Buffer = Buffer.alloc(0);
  #content = 0;
  #padding = 0;
  #emptyBlocks = 0;

  *push(bytes: Buffer): Generator<TarEvent> {
    let data = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    this.#rest = Buffer.alloc(0);
    while (data.length > 0) {
      if (this.ended) throw corrupt('something follows its end');
      if (this.#content > 0) {
        const piece = data.subarray(0, this.#content);
        this.#content -= piece.length;
        yield { type: 'data', bytes: piece, last: this.#content === 0 };
        data = data.subarray(piece.length);
      } else if (this.#padding > 0) {
        const piece = data.subarray(0, this.#padding);
        this.#padding -= piece.length;
        data = data.subarray(piece.length);
      } else if (data.length < BLOCK) {
        this.#rest = data;
        return;
      } else {
        const block = data.subarray(0, BLOCK);
        data = data.subarray(BLOCK);
        if (block.every((byte) => byte === 0)) {
          this.#emptyBlocks++;
          this.ended = this.#emptyBlocks === 2;
        } else {
          yield* this.#header(block);
        }
      }
    }
  }

  /** Takes a stretch of unknown bytes, which must lie in the content of one file. */
  *skip(size: number): Generator<TarEvent> {
    if (this.#rest.length > 0 || size > this.#content) throw corrupt('it was changed while it was read');
    this.#content -= size;
    yield { type: 'hole', size, last: this.#content === 0 };
  }

  *#header(block: Buffer): Generator<TarEvent> {
    if (this.#emptyBlocks > 0) throw corrupt('something follows its end');
    const header = new Header(block);
    if (!header.cksumValid || header.path === undefined) throw corrupt('a header in it is damaged');
    if (header.type !== 'File') throw hostile(header.path, `is of type ${header.type}, not a plain file`);
    const size = header.size ?? 0;
    this.#content = size;
    this.#padding = (BLOCK - (size % BLOCK)) % BLOCK;
    yield { type: 'file', path: header.path, size, mode: header.mode ?? 0 };
    if (size === 0) yield { type: 'data', bytes: Buffer.alloc(0), last: true };
  }
}
