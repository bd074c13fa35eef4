import type { Writable } from 'node:stream';
import { http } from '../../http.ts';
import type { HeaderList } from './head.ts';

/** How the end of the body is told: it has none, the head says its length, or by chunks. */
type Framing = 'none' | 'length' | 'chunked';

export interface ResponseOptions {
  socket: Writable;
  /** Of the request: an answer to HEAD has no body. */
  method: string;
  /** The connection ends with this answer. */
  closes: boolean;
  /** All of it was written. */
  onEnd: () => void;
}

/** An answer this long leaves in one piece with its head. */
const onePieceBytes = 64 << 10;

/** The answer to one request. */
export class Response {
  private readonly options: ResponseOptions;
  private framing: Framing = 'none';
  private head = '';
  private closed = false;
  private readonly onClosed: (() => void)[] = [];
  private onRoom: (() => void) | undefined;
  private waiting: PromiseWithResolvers<void> | undefined;
  statusCode = 0;
  headersSent = false;
  /** `end` was called. */
  ended = false;
  /** The system has all of it. */
  finished = false;
  /** The client is gone, or was sent away. */
  destroyed = false;
  /** The connection ends with this answer. */
  closes: boolean;

  constructor(options: ResponseOptions) {
    this.options = options;
    this.closes = options.closes;
  }

  /** Without `content-length` the body is sent in chunks. The head leaves with the first bytes of the body, or with `flushHeaders`. */
  writeHead(status: number, headers: HeaderList, message = http.STATUS_CODES[status] ?? 'Unknown'): void {
    if (this.headersSent) throw new Error('the head was written before');
    this.headersSent = true;
    this.statusCode = status;
    let head = `HTTP/1.1 ${status} ${message}\r\n`;
    let sized = false;
    for (let index = 0; index < headers.length; index += 2) {
      const name = headers[index]!;
      if (name === 'content-length') sized = true;
      else if (name === 'connection') {
        this.closes ||= headers[index + 1] === 'close';
        continue;
      }
      head += `${name}: ${headers[index + 1]}\r\n`;
    }
    const bodiless = status < 200 || status === 204 || status === 304;
    if (!bodiless && !sized) {
      this.framing = 'chunked';
      head += 'transfer-encoding: chunked\r\n';
    } else this.framing = 'length';
    if (bodiless || this.options.method === 'HEAD') this.framing = 'none';
    this.head = this.closes ? `${head}connection: close\r\n\r\n` : `${head}\r\n`;
  }

  flushHeaders(): void {
    if (this.head !== '' && !this.destroyed) this.options.socket.write(this.takeHead(), 'latin1');
  }

  /** False: the client is slow, wait for `drain`. `wire`: the bytes have their chunks already, if the answer is to have any. */
  write(block: Buffer | string, wire = false): boolean {
    if (this.destroyed || this.ended) return true;
    const bytes = typeof block === 'string' ? Buffer.from(block) : block;
    if (this.framing === 'none' || bytes.length === 0) return true;
    return this.send(bytes, this.framing === 'chunked' && !wire, false);
  }

  end(block?: Buffer | string, wire = false): void {
    if (this.destroyed || this.ended) return;
    this.ended = true;
    const bytes = typeof block === 'string' ? Buffer.from(block) : (block ?? empty);
    if (this.framing === 'none') this.send(empty, false, true);
    else this.send(bytes, this.framing === 'chunked' && !wire, true);
    this.options.onEnd();
  }

  get needsDrain(): boolean {
    return this.options.socket.writableNeedDrain;
  }

  /** Resolves when there is room again, or the answer is over. */
  drained(): Promise<void> {
    if (!this.needsDrain || this.closed) return Promise.resolve();
    this.waiting ??= Promise.withResolvers();
    return this.waiting.promise;
  }

  /** Calls this each time that there is room again after `write` returned false; takes the place of who was called before. */
  whenRoom(go: () => void): void {
    this.onRoom = go;
  }

  /** Calls this once, when the answer is over: as a whole (`finished`), or because the client is gone. */
  whenClosed(go: () => void): void {
    if (this.closed) go();
    else this.onClosed.push(go);
  }

  /** For the connection: there is room. */
  room(): void {
    this.proceed();
    this.onRoom?.();
  }

  /** Sends the client away; what it has got so far is all that it gets. */
  destroy(): void {
    if (this.destroyed || this.finished) return;
    this.destroyed = true;
    this.options.socket.destroy();
  }

  /** For the connection: it is gone. */
  gone(): void {
    if (!this.finished) this.destroyed = true;
    this.close();
  }

  private send(bytes: Buffer, chunked: boolean, last: boolean): boolean {
    const { socket } = this.options;
    const before = chunked && bytes.length > 0 ? `${bytes.length.toString(16)}\r\n` : '';
    const after = chunked ? (bytes.length > 0 ? '\r\n' : '') + (last ? '0\r\n\r\n' : '') : '';
    const head = this.takeHead() + before;
    const done = last ? this.onWritten : undefined;
    if (bytes.length > onePieceBytes) {
      socket.cork();
      if (head !== '') socket.write(head, 'latin1');
      const flowing = socket.write(bytes, after === '' ? done : undefined);
      if (after !== '') socket.write(after, 'latin1', done);
      socket.uncork();
      return flowing;
    }
    const size = head.length + bytes.length + after.length;
    if (size === bytes.length) return socket.write(bytes, done);
    const whole = Buffer.allocUnsafe(size);
    whole.write(head, 0, 'latin1');
    bytes.copy(whole, head.length);
    if (after !== '') whole.write(after, head.length + bytes.length, 'latin1');
    return socket.write(whole, done);
  }

  private takeHead(): string {
    const { head } = this;
    this.head = '';
    return head;
  }

  private readonly onWritten = (error?: Error | null): void => {
    if (this.destroyed) return;
    if (error) this.destroyed = true;
    else this.finished = true;
    this.close();
  };

  private close(): void {
    if (this.closed) return;
    this.closed = true;
    this.proceed();
    for (const go of this.onClosed) go();
  }

  /** Whoever waits to write more. */
  private proceed(): void {
    this.waiting?.resolve();
    this.waiting = undefined;
  }
}

const empty = Buffer.alloc(0);
