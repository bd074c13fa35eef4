const newline = 10;

/**
 * Cuts a byte stream into whole lines. A watch is one JSON document a line; only whole lines may reach a client, so that
 * another upstream connection can go on where one broke.
 */
export class Lines {
  private rest: Buffer[] = [];
  private size = 0;

  /** Bytes up to and with the last newline; empty when there is none yet. */
  push(chunk: Buffer): Buffer {
    const end = chunk.lastIndexOf(newline);
    if (end < 0) {
      this.rest.push(chunk);
      this.size += chunk.length;
      return Buffer.alloc(0);
    }
    const whole = chunk.subarray(0, end + 1);
    const result = this.rest.length === 0 ? whole : Buffer.concat([...this.rest, whole]);
    this.rest = end + 1 < chunk.length ? [chunk.subarray(end + 1)] : [];
    this.size = chunk.length - end - 1;
    return result;
  }

  /** Bytes that wait for their newline. */
  get pending(): number {
    return this.size;
  }
}

/** The lines in a block that ends with a newline, without empty ones. */
export function* eachLine(block: Buffer): Generator<Buffer> {
  let start = 0;
  while (start < block.length) {
    let end = block.indexOf(newline, start);
    if (end < 0) end = block.length;
    if (end > start) yield block.subarray(start, end);
    start = end + 1;
  }
}
