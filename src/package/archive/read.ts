import { Header } from 'tar';
import { hostile } from '../manifest.ts';
import { corrupt, decompressFrame, type Frame, splitFrames } from './frames.ts';
import { BLOCK } from './tar.ts';

/** What a package's tar holds, in order: a file's header, then its content in pieces. */
export type TarEvent =
  | { type: 'file'; path: string; size: number; mode: number }
  | { type: 'data'; bytes: Buffer; last: boolean };

/** Frames at work at once: two to keep two cores busy, one to be ready. */
const AHEAD = 3;

/**
 * Reads the tar of a package file from its compressed bytes. Frames are decompressed on other threads, a few ahead;
 * memory stays below some 50 MB. Leaving the loop early ends the reading.
 * Errors: E_PACKAGE_CORRUPT, E_PACKAGE_HOSTILE (an entry that is no plain file).
 */
export async function* readPackageTar(
  chunks: AsyncIterable<Uint8Array>,
  ahead = AHEAD,
): AsyncGenerator<TarEvent> {
  const parser = new TarParser();
  for await (const content of decompressAhead(splitFrames(chunks), ahead)) {
    yield* parser.push(content);
    if (parser.ended) break;
  }
  if (!parser.ended) throw corrupt('it ends too early');
}

async function* decompressAhead(frames: AsyncGenerator<Frame>, ahead: number): AsyncGenerator<Buffer> {
  const waiting: Promise<Buffer>[] = [];
  try {
    for await (const frame of frames) {
      const content = decompressFrame(frame);
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
