const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
/** Beyond so many bytes of a string, the native search for its end is faster. */
const longString = 40;
const itemsKey = Buffer.from('items');

export interface ItemSink {
  /** Bytes around the items, in order: up to and with `"items":[`, then from `]` on. */
  envelope(bytes: Buffer): void;
  /** One item, a JSON object of its own. The buffer may share memory with a chunk. */
  item(bytes: Buffer): void;
}

/**
 * Takes a List document apart as it streams by, without ever holding or parsing the whole: items come one by one, commas
 * between them are swallowed. Expects what API servers write: one JSON object with `items` at its top level.
 */
export class ItemSplitter {
  private readonly sink: ItemSink;
  private depth = 0;
  private inString = false;
  private escaped = false;
  /** Bytes of the string being read at depth 1, to know the key `items`. */
  private key: number[] = [];
  private isItems = false;
  private inItems = false;
  private parts: Buffer[] = [];

  constructor(sink: ItemSink) {
    this.sink = sink;
  }

  /** True when the top-level object was closed and nothing was cut off. */
  complete = false;

  push(chunk: Buffer): void {
    // State lives in locals within the loop: it runs over every byte of every list.
    let { depth, inString, escaped, inItems } = this;
    let start = 0;
    let run = 0;
    let itemOpen = inItems && depth > 2;
    const length = chunk.length;
    for (let i = 0; i < length; i++) {
      const byte = chunk[i] as number;
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === backslash) escaped = true;
        else if (byte === quote) {
          inString = false;
          if (depth === 1) this.endKey();
        } else if (depth === 1) this.key.push(byte);
        else if (++run > longString) {
          i = this.skip(chunk, i);
          run = 0;
        }
        continue;
      }
      if (byte === quote) {
        inString = true;
        run = 0;
      } else if (byte === openBrace || byte === openBracket) {
        if (inItems && depth === 2) {
          start = i;
          itemOpen = true;
        }
        depth++;
        if (depth !== 2) continue;
        if (byte === openBracket && this.isItems) {
          inItems = true;
          this.sink.envelope(this.take(chunk, start, i + 1));
          start = i + 1;
        }
        this.isItems = false;
      } else if (byte === closeBrace || byte === closeBracket) {
        depth--;
        if (depth > 2) continue;
        if (inItems && depth === 2) {
          this.sink.item(this.take(chunk, start, i + 1));
          itemOpen = false;
          start = i + 1;
        } else if (inItems && depth === 1) {
          inItems = false;
          start = i;
        } else if (depth === 0) this.complete = true;
      }
    }
    Object.assign(this, { depth, inString, escaped, inItems });
    if (inItems) {
      if (itemOpen) this.parts.push(chunk.subarray(start));
    } else if (start < length) this.sink.envelope(chunk.subarray(start));
  }

  /** From within a long string to just before what may end it: its quote, with the backslashes before that. */
  private skip(chunk: Buffer, from: number): number {
    const found = chunk.indexOf(quote, from + 1);
    let end = found < 0 ? chunk.length : found;
    while (end > from + 1 && chunk[end - 1] === backslash) end--;
    return end - 1;
  }

  private endKey(): void {
    this.isItems = this.key.length === itemsKey.length && itemsKey.equals(Buffer.from(this.key));
    this.key = [];
  }

  private take(chunk: Buffer, start: number, end: number): Buffer {
    const last = chunk.subarray(start, end);
    if (this.parts.length === 0) return last;
    const whole = Buffer.concat([...this.parts, last]);
    this.parts = [];
    return whole;
  }
}
