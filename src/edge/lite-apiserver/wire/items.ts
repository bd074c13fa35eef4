const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
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
  private key: number[] | undefined;
  private lastKey = false;
  private inItems = false;
  private parts: Buffer[] = [];

  constructor(sink: ItemSink) {
    this.sink = sink;
  }

  /** True when the top-level object was closed and nothing was cut off. */
  complete = false;

  push(chunk: Buffer): void {
    let start = 0;
    let itemOpen = this.inItems && this.depth > 2;
    const length = chunk.length;
    for (let i = 0; i < length; i++) {
      const byte = chunk[i] as number;
      if (this.inString) {
        if (this.escaped) this.escaped = false;
        else if (byte === backslash) this.escaped = true;
        else if (byte === quote) {
          this.inString = false;
          if (this.key) {
            this.lastKey = this.key.length === itemsKey.length && itemsKey.equals(Buffer.from(this.key));
            this.key = undefined;
          }
        } else if (this.key && this.key.length <= itemsKey.length) this.key.push(byte);
        continue;
      }
      switch (byte) {
        case quote:
          this.inString = true;
          if (this.depth === 1) this.key = [];
          break;
        case openBrace:
        case openBracket:
          if (this.inItems && this.depth === 2) {
            start = i;
            itemOpen = true;
          }
          this.depth++;
          if (byte === openBracket && this.depth === 2 && this.lastKey) {
            this.inItems = true;
            this.sink.envelope(this.take(chunk, start, i + 1));
            start = i + 1;
          }
          if (this.depth === 2) this.lastKey = false;
          break;
        case closeBrace:
        case closeBracket:
          this.depth--;
          if (this.inItems && this.depth === 2) {
            this.sink.item(this.take(chunk, start, i + 1));
            itemOpen = false;
            start = i + 1;
          } else if (this.inItems && this.depth === 1) {
            this.inItems = false;
            start = i;
          } else if (this.depth === 0) this.complete = true;
          break;
        default:
          break;
      }
    }
    if (this.inItems) {
      if (itemOpen) this.parts.push(chunk.subarray(start));
      return;
    }
    if (start < length) this.sink.envelope(chunk.subarray(start));
  }

  private take(chunk: Buffer, start: number, end: number): Buffer {
    const last = chunk.subarray(start, end);
    if (this.parts.length === 0) return last;
    const whole = Buffer.concat([...this.parts, last]);
    this.parts = [];
    return whole;
  }
}
