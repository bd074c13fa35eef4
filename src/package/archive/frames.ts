import { constants, type ZstdOptions, zstdCompress, zstdDecompress } from 'node:zlib';
import { EdgeadmError } from '../../errors.ts';

/**
 * A package file is one tar in many zstd frames, one after the other (RFC 8878 allows that; `tar --zstd` reads it).
 * Frames are small and say how long their content is, so that a reader needs little memory, works on several at once
 * and never unpacks more than was announced; and a frame that did not change need not be compressed again.
 */
export const FRAME_CONTENT = 4 << 20;
/** What a reader takes at most, as content or as compressed bytes. */
const MAX_FRAME = 16 << 20;
const MAGIC = 0xfd2fb528;

/** Slower than zstd's default, since a package is read much more often than it is written. */
export const LEVEL = 8;

export function compressFrame(content: Uint8Array): Promise<Buffer> {
  const options: ZstdOptions = {
    params: {
      [constants.ZSTD_c_compressionLevel]: LEVEL,
      [constants.ZSTD_c_contentSizeFlag]: 1,
      // Finds accidents in what no SHA-256 covers: the manifest of an unsigned package, headers, padding.
      [constants.ZSTD_c_checksumFlag]: 1,
    },
    pledgedSrcSize: content.length,
    chunkSize: content.length + 1024,
  } as ZstdOptions;
  return new Promise((resolve, reject) => {
    zstdCompress(content, options, (error, result) => (error ? reject(error) : resolve(result)));
  });
}

/** A whole frame as it is in the file, and how long its content is. */
export interface Frame {
  bytes: Buffer;
  contentSize: number;
  /** Where it begins in the file. */
  at: number;
}

export function decompressFrame(frame: Frame): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // Room for one byte more: the decoder then ends in one step, and a longer content shows.
    const options = {
      chunkSize: Math.max(64, frame.contentSize + 1),
      maxOutputLength: frame.contentSize + 1,
    };
    zstdDecompress(frame.bytes, options, (error, content) => {
      if (error || content.length !== frame.contentSize) {
        reject(corrupt(damaged(frame.at), error));
      } else {
        resolve(content);
      }
    });
  });
}

function damaged(at: number): string {
  return `its compressed data is damaged behind byte ${at}`;
}

/** Cuts a stream into frames by their block headers, without decompressing. */
export async function* splitFrames(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Frame> {
  const source = new ByteSource(chunks);
  while (await source.has(1)) {
    const at = source.position;
    const header = await readHeader(source);
    const parts = [header.bytes];
    let length = header.bytes.length;
    for (let last = false; !last; ) {
      const block = await source.take(3);
      const word = block.readUIntLE(0, 3);
      last = (word & 1) === 1;
      const type = (word >> 1) & 3;
      if (type === 3) throw corrupt(damaged(at));
      const size = type === 1 ? 1 : word >> 3;
      const body = await source.take(size + (last && header.checksum ? 4 : 0));
      length += block.length + body.length;
      if (length > MAX_FRAME) throw corrupt('a part of it is larger than any that edgeadm writes');
      parts.push(block, body);
    }
    yield { bytes: Buffer.concat(parts, length), contentSize: header.contentSize, at };
  }
}

/** RFC 8878, 3.1.1.1. */
async function readHeader(
  source: ByteSource,
): Promise<{ bytes: Buffer; contentSize: number; checksum: boolean }> {
  const start = await source.take(5);
  if (start.readUInt32LE(0) !== MAGIC) {
    const at = source.position - start.length;
    throw corrupt(at === 0 ? 'it is no zstd-compressed file' : damaged(at));
  }
  const descriptor = start[4]!;
  const single = (descriptor & 0x20) !== 0;
  const dictionary = [0, 1, 2, 4][descriptor & 3]!;
  const sizeBytes = [single ? 1 : 0, 2, 4, 8][descriptor >> 6]!;
  const rest = await source.take((single ? 0 : 1) + dictionary + sizeBytes);
  const at = rest.length - sizeBytes;
  const contentSize =
    sizeBytes === 8
      ? Number(rest.readBigUInt64LE(at))
      : sizeBytes === 0
        ? Number.POSITIVE_INFINITY
        : rest.readUIntLE(at, sizeBytes) + (sizeBytes === 2 ? 256 : 0);
  if (contentSize > MAX_FRAME) {
    throw corrupt(
      'a part of it is larger than any that edgeadm writes',
      undefined,
      'Take the file as `edgeadm package build` wrote it, not compressed anew.',
    );
  }
  return { bytes: Buffer.concat([start, rest]), contentSize, checksum: (descriptor & 4) !== 0 };
}

export function corrupt(reason: string, cause?: unknown, hint?: string): EdgeadmError {
  return new EdgeadmError('E_PACKAGE_CORRUPT', `the install package cannot be read: ${reason}`, {
    hint: hint ?? 'Copy or download it again.',
    cause,
  });
}

/** Takes exact numbers of bytes from a stream of chunks. */
class ByteSource {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Buffer = Buffer.alloc(0);
  #at = 0;
  /** Bytes taken so far. */
  position = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  async has(count: number): Promise<boolean> {
    while (this.#rest.length - this.#at < count) {
      const next = await this.#chunks.next();
      if (next.done) return false;
      const left = this.#rest.subarray(this.#at);
      this.#rest =
        left.length === 0
          ? Buffer.from(next.value.buffer, next.value.byteOffset, next.value.length)
          : Buffer.concat([left, next.value]);
      this.#at = 0;
    }
    return true;
  }

  async take(count: number): Promise<Buffer> {
    if (this.#rest.length - this.#at < count && !(await this.has(count))) {
      throw corrupt(`it ends too early, at byte ${this.position + this.#rest.length - this.#at}`);
    }
    this.position += count;
    const taken = this.#rest.subarray(this.#at, this.#at + count);
    this.#at += count;
    return taken;
  }
}
