import { BodyScanner } from './body-scanner.ts';
import type { BodyLength, HeaderList } from './head.ts';
import { fieldOf } from './head.ts';

/** Takes a body. */
export interface BodySink {
  /** `content` is what the body says; `wire` the bytes that it came in, which still have their chunks. */
  data(content: readonly Buffer[], wire: Buffer): void;
  /** Called once: the body is over, or was cut short by this error. */
  end(error?: Error): void;
}

/** The connection that a message comes on. */
export interface Flow {
  pause(): void;
  resume(): void;
  /** Ends the connection. */
  destroy(error?: Error): void;
}

/** So much waits for somebody who wants it before the connection is not read any more. */
const maxWaitingBytes = 128 << 10;

const nobody: BodySink = { data() {}, end() {} };

/** A message with its body as it comes in: a request of a client, or an answer of the API server. */
export class Incoming {
  readonly headers: HeaderList;
  readonly length: BodyLength;
  private readonly flow: Flow;
  private readonly scanner: BodyScanner;
  private sink: BodySink | undefined;
  private waiting: { content: Buffer[]; wire: Buffer }[] = [];
  private waitingBytes = 0;
  private failure: Error | undefined;
  private over = false;

  constructor(headers: HeaderList, length: BodyLength, flow: Flow) {
    this.headers = headers;
    this.length = length;
    this.flow = flow;
    this.scanner = new BodyScanner(length);
  }

  /** Whether all of it has arrived. */
  get complete(): boolean {
    return this.scanner.complete;
  }

  /** The value of a field; the first when it is there more than once. `name` in lower case. */
  header(name: string): string | undefined {
    return fieldOf(this.headers, name);
  }

  /** Who gets the body. What has arrived is handed over at once. */
  consume(sink: BodySink): void {
    this.sink = sink;
    const { waiting } = this;
    this.waiting = [];
    for (const { content, wire } of waiting) sink.data(content, wire);
    if (this.waitingBytes > maxWaitingBytes) this.flow.resume();
    this.waitingBytes = 0;
    if (this.complete) this.finish();
    else if (this.failure) this.fail(this.failure);
  }

  /** Nobody wants the body. */
  discard(): void {
    if (!this.sink) this.consume(nobody);
  }

  pause(): void {
    if (!this.complete) this.flow.pause();
  }

  resume(): void {
    if (!this.complete) this.flow.resume();
  }

  /** Ends the connection when the body is not whole. */
  destroy(error = new Error('the message was given up')): void {
    if (!this.complete) this.flow.destroy(error);
  }

  /** For the connection: bytes came. Returns how many of them are of this message. Throws BadMessage. */
  receive(block: Buffer): number {
    const content: Buffer[] = [];
    const used = this.scanner.scan(block, content);
    const wire = used === block.length ? block : block.subarray(0, used);
    if (this.sink) {
      if (used > 0) this.sink.data(content, wire);
      if (this.complete) this.finish();
    } else if (used > 0) {
      this.waiting.push({ content, wire });
      this.waitingBytes += used;
      if (this.waitingBytes > maxWaitingBytes) this.flow.pause();
    }
    return used;
  }

  /** For the connection: the other side has ended it, which ends a body without a length. */
  finishByClose(): void {
    if (this.length !== 'close') return;
    this.scanner.complete = true;
    this.finish();
  }

  /** For the connection: no more bytes will come. */
  fail(error: Error): void {
    if (this.complete) return;
    this.failure = error;
    this.finish(error);
  }

  private finish(error?: Error): void {
    if (this.over || !this.sink) return;
    this.over = true;
    this.sink.end(error);
  }
}

/** A whole body; rejects when it is larger than the limit, of which the rest is thrown away, or cut short. */
export function readWhole(message: Incoming, limitBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let blocks: Buffer[] = [];
    let size = 0;
    message.consume({
      data(content) {
        for (const block of content) size += block.length;
        if (size <= limitBytes) blocks.push(...content);
        else {
          blocks = [];
          reject(new Error(`the body is larger than ${limitBytes} bytes`));
        }
      },
      end(error) {
        if (error) reject(error);
        else resolve(blocks.length === 1 ? blocks[0]! : Buffer.concat(blocks));
      },
    });
  });
}
