import type { Duplex } from 'node:stream';
import {
  BadMessage,
  findHead,
  type HeaderList,
  hasToken,
  listOf,
  parseRequestHead,
  type RequestHead,
} from './head.ts';
import { type BodySink, type Flow, Incoming } from './incoming.ts';
import { Response } from './response.ts';

const maxHeadBytes = 64 << 10;
/** What a client sends before the answer to its last request is over. */
const maxAheadBytes = 64 << 10;

/** Of the last head, for as long as the connection lives. */
const maxKeptBytes = 4096;

/** A request of a client. */
export class Request extends Incoming {
  readonly method: string;
  /** Request target: path with query. */
  readonly url: string;
  readonly socket: Duplex;
  private awaited: boolean;

  constructor({ method, target, headers, length }: RequestHead, socket: Duplex, flow: Flow) {
    super(headers, length, flow);
    this.method = method;
    this.url = target;
    this.socket = socket;
    this.awaited = hasToken(this.header('expect'), '100-continue');
  }

  get hasBody(): boolean {
    return this.length !== 0;
  }

  override consume(sink: BodySink): void {
    // RFC 9110 section 10.1.1: it sends its body when it is asked to.
    if (this.awaited && !this.complete) this.socket.write('HTTP/1.1 100 Continue\r\n\r\n');
    this.awaited = false;
    super.consume(sink);
  }

  override discard(): void {
    this.awaited = false;
    super.discard();
  }
}

export interface ServerHandler {
  request(request: Request, response: Response): void;
  /** The client asks for another protocol; the connection is the handler's from now on, with what came after the head. */
  upgrade(request: Request, socket: Duplex, rest: Buffer): void;
}

/** One connection of a client: its requests, one after the other. */
export class ServerConnection {
  private readonly socket: Duplex;
  private readonly handler: ServerHandler;
  private readonly flow: Flow;
  private request: Request | undefined;
  private response: Response | undefined;
  private rest: Buffer | undefined;
  private lastHead: RequestHead | undefined;
  private closing = false;
  /** It had a request, and nothing of a next one has come yet. */
  idle = false;
  /** For whoever looks after connections: counts how often it was found waiting for a request. Starts anew with each wait. */
  waited = 0;
  /** The socket is somebody else's now. */
  handedOver = false;
  /** It has no request. */
  waiting = true;

  constructor(socket: Duplex, handler: ServerHandler) {
    this.socket = socket;
    this.handler = handler;
    this.flow = {
      pause: () => void socket.pause(),
      resume: () => void socket.resume(),
      destroy: (error) => void socket.destroy(error),
    };
    socket.on('data', this.receive);
    socket.on('drain', this.onDrain);
    socket.on('close', this.onClose);
    socket.on('error', onError);
  }

  /** Ends the connection: at once, or with its answer. */
  close(): void {
    this.socket.destroy();
  }

  /** Says why to a client that takes too long, and ends the connection. */
  timeOut(): void {
    if (this.idle) this.socket.destroy();
    else this.refuse(new BadMessage('the request did not come in time', 408));
  }

  /** Bytes came from the client. */
  readonly receive = (block: Buffer): void => {
    try {
      this.take(block);
    } catch (error) {
      if (!(error instanceof BadMessage) || this.response?.headersSent) this.socket.destroy();
      else this.refuse(error);
    }
  };

  private readonly onDrain = (): void => void this.response?.room();

  private readonly onClose = (): void => {
    this.waiting = false;
    this.request?.fail(new Error('the client is gone'));
    this.response?.gone();
  };

  private take(block: Buffer): void {
    if (this.closing) return;
    let bytes = block;
    if (this.request) {
      const { request } = this;
      if (!request.complete) bytes = bytes.subarray(request.receive(bytes));
      // Unless it was answered while its last bytes were handed over.
      if (this.request === request && request.complete && this.response?.ended) this.next();
      if (this.closing) return;
      if (this.request) {
        if (bytes.length > 0) this.hold(bytes);
        return;
      }
    }
    while (bytes.length > 0 && !this.request && !this.closing) bytes = this.begin(bytes);
    if (bytes.length > 0 && !this.closing) this.hold(bytes);
  }

  /** Takes a head, if it is whole, and what is there of its body. Returns what is left. */
  private begin(block: Buffer): Buffer {
    const bytes = this.rest ? Buffer.concat([this.rest, block]) : block;
    this.rest = undefined;
    if (this.idle) this.wait(false);
    const found = findHead(bytes);
    if ((found?.size ?? bytes.length) > maxHeadBytes)
      throw new BadMessage('the head of the request is too large', 431);
    if (!found) {
      this.rest = bytes;
      return empty;
    }
    const head = parseRequestHead(found.text, this.lastHead);
    this.lastHead = head.fields.length <= maxKeptBytes ? head : undefined;
    let rest = bytes.subarray(found.size);
    const request = new Request(head, this.socket, this.flow);
    const connection = listOf(head.headers, 'connection');
    this.waiting = false;
    if (request.complete && request.header('upgrade') !== undefined && hasToken(connection, 'upgrade')) {
      this.letGo();
      this.handler.upgrade(request, this.socket, rest);
      return empty;
    }
    const response = new Response({
      socket: this.socket,
      method: head.method,
      closes: connection !== undefined && hasToken(connection, 'close'),
      onEnd: () => this.onEnd(),
    });
    this.request = request;
    this.response = response;
    if (!request.complete && rest.length > 0) rest = rest.subarray(request.receive(rest));
    this.handler.request(request, response);
    return rest;
  }

  /** The answer was written. What is left of the request is of no interest any more. */
  private onEnd(): void {
    const { request, response } = this;
    if (response?.closes) {
      this.end();
      request?.discard();
    } else if (request?.complete) {
      this.next();
      if (this.rest) process.nextTick(() => this.proceed());
    } else {
      request?.discard();
      request?.resume();
    }
  }

  private next(): void {
    this.request = undefined;
    this.response = undefined;
    this.wait(true);
  }

  private wait(idle: boolean): void {
    this.waiting = true;
    this.waited = 0;
    this.idle = idle;
  }

  /** What the client still sends is thrown away: were it left unread, the answer could be lost with it (RFC 9112 section 9.6). */
  private end(): void {
    this.closing = true;
    this.wait(true);
    this.rest = undefined;
    this.socket.end();
    this.socket.resume();
  }

  /** With what came ahead of its turn. */
  private proceed(): void {
    const { rest } = this;
    if (this.request || !rest) return;
    this.rest = undefined;
    this.socket.resume();
    this.receive(rest);
  }

  private hold(bytes: Buffer): void {
    this.rest = this.rest ? Buffer.concat([this.rest, bytes]) : bytes;
    if (this.rest.length > maxAheadBytes) this.socket.pause();
  }

  private letGo(): void {
    this.closing = true;
    this.handedOver = true;
    this.waiting = false;
    this.socket.off('data', this.receive);
    this.socket.off('drain', this.onDrain);
    this.socket.off('close', this.onClose);
    this.socket.off('error', onError);
    this.socket.pause();
  }

  private refuse(error: BadMessage): void {
    const { request: refused, response: unsaid } = this;
    this.request = undefined;
    this.response = undefined;
    const body = `${error.message}\n`;
    const headers: HeaderList = ['content-type', 'text/plain', 'content-length', String(body.length)];
    const response = new Response({
      ...{ socket: this.socket, method: 'GET', closes: true, onEnd: () => this.end() },
    });
    response.writeHead(error.status, headers);
    response.end(body);
    unsaid?.gone();
    refused?.fail(error);
  }
}

const empty = Buffer.alloc(0);
const onError = (): void => {};
