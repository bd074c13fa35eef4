import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import { onTestFinished } from 'vitest';
import type { HeaderList } from '../../../../../src/edge/lite-apiserver/http1/head.ts';
import type { Incoming } from '../../../../../src/edge/lite-apiserver/http1/incoming.ts';

/** A connection in memory: the end that is tested, and the other side. As TCP's, each is over when the other is. */
export function ends(): { near: Duplex; far: Duplex } {
  const [near, far] = duplexPair({ allowHalfOpen: false });
  far.once('close', () => near.destroy());
  far.on('error', () => {});
  return { near, far };
}

/** The same with real sockets. */
export async function loopback(): Promise<{ near: Duplex; far: Duplex }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const far = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [near] = await once(server, 'connection');
  server.close();
  onTestFinished(() => void near.destroy());
  far.on('error', () => {});
  return { near, far };
}

/** The other side of a connection: what it got so far. */
export class Peer {
  readonly socket: Duplex;
  readonly blocks: Buffer[] = [];
  ended = false;
  private readonly over: Promise<void>;

  constructor(socket: Duplex) {
    this.socket = socket;
    socket.on('data', (block: Buffer) => this.blocks.push(block));
    this.over = new Promise((resolve) => {
      socket.on('end', () => {
        this.ended = true;
        resolve();
      });
      socket.on('close', resolve);
    });
    onTestFinished(() => void socket.destroy());
  }

  /** In Latin-1. */
  get text(): string {
    return Buffer.concat(this.blocks).toString('latin1');
  }

  /** Each arrives by itself; resolves when all have been looked at, or the connection has ended. */
  async send(...blocks: (string | Buffer)[]): Promise<void> {
    for (const block of blocks) {
      if (block.length === 0) continue;
      const bytes = typeof block === 'string' ? Buffer.from(block, 'latin1') : block;
      await Promise.race([new Promise((resolve) => this.socket.write(bytes, resolve)), this.over]);
    }
    await turn();
  }

  /** Sends it without waiting for somebody who reads it. */
  push(block: string | Buffer): void {
    this.socket.write(typeof block === 'string' ? Buffer.from(block, 'latin1') : block);
  }
}

/** What is in memory only is done after a turn or two of the event loop. */
export const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

export async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 4000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not so within 4 s: ${condition}`);
    await turn();
  }
}

/** A body as it comes. */
export interface Body {
  content: string;
  /** The bytes that it came in. */
  wire: string;
  over: boolean;
  error?: Error | undefined;
}

export function collect(message: Incoming, onEnd?: (body: Body) => void): Body {
  const body: Body = { content: '', wire: '', over: false };
  message.consume({
    data(content, wire) {
      body.content += Buffer.concat(content).toString('latin1');
      body.wire += wire.toString('latin1');
    },
    end(error) {
      if (body.over) throw new Error('the body has ended twice');
      body.over = true;
      body.error = error;
      onEnd?.(body);
    },
  });
  return body;
}

/** The blocks that the bytes are cut into at these places. */
export function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((start, index) => bytes.subarray(start, at[index] ?? bytes.length));
}

export function fields(headers: HeaderList): [string, string][] {
  const result: [string, string][] = [];
  for (let index = 0; index < headers.length; index += 2)
    result.push([headers[index]!.toLowerCase(), headers[index + 1]!]);
  return result;
}
