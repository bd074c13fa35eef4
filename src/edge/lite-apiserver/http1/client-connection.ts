import type { Duplex } from 'node:stream';
import { type AnswerHead, BadMessage, findHead, type HeaderList, parseAnswerHead } from './head.ts';
import { type Flow, Incoming } from './incoming.ts';

const maxHeadBytes = 256 << 10;

/** What is sent on a connection. */
export interface Outgoing {
  method: string;
  /** Path with query. */
  path: string;
  host: string;
  /** All others. */
  headers: HeaderList;
  body?: Incoming | Buffer | undefined;
  /** Another protocol is asked for. */
  upgrade?: boolean;
}

/** The answer of a server. */
export class Answer extends Incoming {
  readonly status: number;
  readonly message: string;
  /** Of an answer 101: the connection, which is the caller's from now on, and what came after the head. */
  upgraded: { socket: Duplex; rest: Buffer } | undefined;

  constructor({ status, message, headers, length }: AnswerHead, flow: Flow) {
    super(headers, length, flow);
    this.status = status;
    this.message = message;
  }
}

/** A request that was sent, with its answer. */
export interface Sent {
  /** The head of the answer; its body follows. Rejects with the system's error, or the one it was given up with. */
  answer: Promise<Answer>;
  /** Ends the connection, unless all of the answer has come. */
  giveUp(error: Error): void;
}

interface Exchange {
  method: string;
  resolve: (answer: Answer) => void;
  reject: (error: Error) => void;
  onOver: (() => void) | undefined;
  answer?: Answer;
  keepAlive: boolean;
  sent: boolean;
  upgrade: boolean;
}

export interface ClientConnectionEvents {
  onBytes(): void;
  /** The exchange is over, and another one may follow. */
  onFree(connection: ClientConnection): void;
}

/** One connection to a server: its exchanges, one after the other. */
export class ClientConnection {
  readonly socket: Duplex;
  private readonly events: ClientConnectionEvents;
  private readonly flow: Flow;
  private exchange: Exchange | undefined;
  private rest: Buffer | undefined;
  private error: Error | undefined;
  private body: Incoming | undefined;
  /** It had an exchange before: the server may have closed it in the meantime. */
  used = false;

  constructor(socket: Duplex, events: ClientConnectionEvents) {
    this.socket = socket;
    this.events = events;
    this.flow = {
      pause: () => void socket.pause(),
      resume: () => void socket.resume(),
      destroy: (error) => this.destroy(error),
    };
    socket.on('data', this.receive);
    socket.on('drain', this.onDrain);
    socket.on('error', this.onError);
    socket.on('end', this.onEnd);
    socket.on('close', this.onClose);
  }

  get busy(): boolean {
    return this.exchange !== undefined;
  }

  /** `onOver` is called when the answer has come as a whole, or will not. */
  send({ method, path, host, headers, body, upgrade = false }: Outgoing, onOver?: () => void): Sent {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const sent = !(body instanceof Incoming);
    const exchange: Exchange = { method, resolve, reject, onOver, keepAlive: true, sent, upgrade };
    this.exchange = exchange;
    let head = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n`;
    for (let index = 0; index < headers.length; index += 2)
      head += `${headers[index]}: ${headers[index + 1]}\r\n`;
    head += '\r\n';
    if (body instanceof Incoming) {
      this.socket.write(head, 'latin1');
      this.stream(body, exchange);
    } else {
      const bytes = Buffer.from(head, 'latin1');
      this.socket.write(body ? Buffer.concat([bytes, body]) : bytes);
    }
    return {
      answer: promise,
      giveUp: (error) => {
        if (this.exchange === exchange) this.destroy(error);
      },
    };
  }

  /** Ends the connection; what is under way on it fails with this error. */
  destroy(error?: Error): void {
    this.error ??= error;
    this.socket.destroy(error);
  }

  private stream(body: Incoming, exchange: Exchange): void {
    this.body = body;
    body.consume({
      data: (_content, wire) => {
        // A server may answer, and be done, before it has all of the body.
        if (!this.socket.destroyed && !this.socket.write(wire)) body.pause();
      },
      end: (error) => {
        this.body = undefined;
        if (error) this.destroy(error);
        exchange.sent = true;
        this.release(exchange);
      },
    });
  }

  private readonly onDrain = (): void => this.body?.resume();

  private readonly onError = (error: Error): void => {
    this.error ??= error;
  };

  /** Bytes came from the server. */
  readonly receive = (block: Buffer): void => {
    this.events.onBytes();
    try {
      this.take(block);
    } catch (error) {
      this.destroy(error as Error);
    }
  };

  private readonly onEnd = (): void => {
    const { exchange } = this;
    exchange?.answer?.finishByClose();
    if (exchange) this.release(exchange);
  };

  private readonly onClose = (): void => {
    const { exchange, body } = this;
    this.exchange = undefined;
    this.body = undefined;
    body?.resume();
    if (!exchange) return;
    const error = this.error ?? Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' });
    exchange.onOver?.();
    exchange.answer?.fail(error);
    // Nothing, when the answer has been given.
    exchange.reject(error);
  };

  private take(block: Buffer): void {
    const { exchange } = this;
    if (!exchange) throw new BadMessage('the server sent something that nobody asked for');
    if (!exchange.answer) this.begin(block, exchange);
    else if (exchange.answer.receive(block) < block.length)
      throw new BadMessage('the answer is longer than it says');
    else this.release(exchange);
  }

  private begin(block: Buffer, exchange: Exchange): void {
    let bytes = this.rest ? Buffer.concat([this.rest, block]) : block;
    this.rest = undefined;
    for (;;) {
      const found = findHead(bytes);
      if (!found) {
        if (bytes.length > maxHeadBytes) throw new BadMessage('the head of the answer is too large');
        this.rest = bytes;
        return;
      }
      const head = parseAnswerHead(found.text, exchange.method);
      bytes = bytes.subarray(found.size);
      if (head.status >= 200 || head.status === 101) {
        this.answer(head, bytes, exchange);
        return;
      }
    }
  }

  private answer(head: AnswerHead, rest: Buffer, exchange: Exchange): void {
    const answer = new Answer(head, this.flow);
    exchange.answer = answer;
    exchange.keepAlive = head.keepAlive && !exchange.upgrade;
    if (head.status === 101) {
      if (!exchange.upgrade) throw new BadMessage('the server changes to a protocol that nobody asked for');
      this.letGo();
      exchange.onOver?.();
      answer.upgraded = { socket: this.socket, rest };
    } else if (rest.length > 0 && answer.receive(rest) < rest.length)
      throw new BadMessage('the answer is longer than it says');
    exchange.resolve(answer);
    this.release(exchange);
  }

  private release(exchange: Exchange): void {
    if (this.exchange !== exchange || !exchange.answer?.complete) return;
    this.exchange = undefined;
    this.used = true;
    exchange.onOver?.();
    if (exchange.keepAlive && exchange.sent) {
      // The last of the answer may have come after it was held back.
      if (this.socket.isPaused()) this.socket.resume();
      this.events.onFree(this);
    } else this.socket.destroy();
  }

  private letGo(): void {
    this.exchange = undefined;
    this.socket.off('data', this.receive);
    this.socket.off('drain', this.onDrain);
    this.socket.off('error', this.onError);
    this.socket.off('end', this.onEnd);
    this.socket.off('close', this.onClose);
    this.socket.pause();
  }
}
