import { BadMessage, type BodyLength, token } from './head.ts';

const cr = 13;
const lf = 10;
/** A size with its extensions, or a trailer. */
const maxLineBytes = 4096;
const maxTrailerBytes = 16 << 10;
const quoted = '"(?:[\\t\\x20\\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t\\x20-\\x7e\\x80-\\xff])*"';
const sizeLine = new RegExp(`^([0-9A-Fa-f]{1,8})(?:;${token}(?:=(?:${token}|${quoted}))?)*\\r\\n$`);
const trailerLine = new RegExp(
  `^(?!(?:content-length|transfer-encoding|connection|upgrade|host|authorization):)${token}:[\\t\\x20-\\x7e\\x80-\\xff]*\\r\\n$`,
  'i',
);

/** Follows a body through the bytes of its connection, without changing them: where its content is, and where it ends. */
export class BodyScanner {
  private readonly chunked: boolean;
  private left: number;
  private state: 'size' | 'data' | 'data-end' | 'trailer';
  private line = '';
  private trailerBytes = 0;
  complete: boolean;

  constructor(length: BodyLength) {
    this.chunked = length === 'chunked';
    this.state = this.chunked ? 'size' : 'data';
    this.left = typeof length === 'number' ? length : this.chunked ? 0 : Number.POSITIVE_INFINITY;
    this.complete = length === 0;
  }

  /** Adds the content that is in the block to `content`, and returns how many bytes of the block are of this body. */
  scan(block: Buffer, content: Buffer[]): number {
    if (this.chunked) return this.scanChunked(block, content);
    const size = Math.min(this.left, block.length);
    if (size > 0) content.push(size === block.length ? block : block.subarray(0, size));
    this.left -= size;
    this.complete = this.left === 0;
    return size;
  }

  private scanChunked(block: Buffer, content: Buffer[]): number {
    let at = 0;
    while (at < block.length && !this.complete) {
      if (this.state === 'data') {
        const end = Math.min(at + this.left, block.length);
        content.push(block.subarray(at, end));
        this.left -= end - at;
        at = end;
        if (this.left > 0) break;
        this.state = 'data-end';
        // Nearly always whole, and there are thousands of them in a large list.
        if (block[at] === cr && block[at + 1] === lf) {
          at += 2;
          this.state = 'size';
        }
        continue;
      }
      const newline = block.indexOf(lf, at);
      const end = newline < 0 ? block.length : newline + 1;
      this.line += block.toString('latin1', at, end);
      at = end;
      if (this.line.length > maxLineBytes) throw new BadMessage('a line of a chunked body is too long');
      if (newline < 0) break;
      const { line } = this;
      this.line = '';
      this.take(line);
    }
    return at;
  }

  private take(line: string): void {
    if (this.state === 'size') {
      const size = sizeLine.exec(line)?.[1];
      if (size === undefined) throw new BadMessage('the size of a chunk is malformed');
      this.left = Number.parseInt(size, 16);
      this.state = this.left > 0 ? 'data' : 'trailer';
    } else if (this.state === 'data-end') {
      if (line !== '\r\n') throw new BadMessage('a chunk is longer than its size');
      this.state = 'size';
    } else {
      this.trailerBytes += line.length;
      this.complete = line === '\r\n';
      if ((!this.complete && !trailerLine.test(line)) || this.trailerBytes > maxTrailerBytes)
        throw new BadMessage('the trailer of a chunked body is malformed');
    }
  }
}
