import { connect, createServer, type Server, type Socket } from 'node:net';
import { Transform } from 'node:stream';
import { setTimeout } from 'node:timers/promises';

/** How a link is. Everything left out: perfect. */
export interface LinkState {
  /** New connections are reset, and so are the open ones when this is set. */
  down?: boolean;
  /** Bytes from the server are taken and never given on; connections stay open. */
  deaf?: boolean;
  bytesPerSecond?: number;
  /** Half of the time there and back. */
  delayMs?: number;
}

/**
 * A TCP proxy as a bad link: delay and bandwidth in each direction, silence, resets. All connections share the
 * bandwidth, as on a real link.
 */
export class TestLink {
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  /** When the link has sent all that it was given, by direction; `performance.now()` milliseconds. */
  private readonly busyUntil = { up: 0, down: 0 };
  private state: LinkState = {};
  /** Since the start. */
  connections = 0;
  bytes = 0;

  private constructor(server: Server) {
    this.server = server;
  }

  static async open(target: { host: string; port: number }, address: string): Promise<TestLink> {
    const server = createServer({ noDelay: true });
    const link = new TestLink(server);
    server.on('connection', (near) => link.accept(near, target));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(0, address, resolve);
    });
    return link;
  }

  get port(): number {
    return (this.server.address() as { port: number }).port;
  }

  set(state: LinkState): void {
    this.state = state;
    if (state.down) for (const socket of this.sockets) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    this.set({ down: true });
    await new Promise((resolve) => this.server.close(resolve));
  }

  private accept(near: Socket, target: { host: string; port: number }): void {
    this.connections += 1;
    if (this.state.down) {
      near.resetAndDestroy();
      return;
    }
    const far = connect({ ...target, noDelay: true });
    const end = (): void => {
      near.destroy();
      far.destroy();
      this.sockets.delete(near);
      this.sockets.delete(far);
    };
    for (const socket of [near, far]) {
      this.sockets.add(socket);
      socket.on('error', end).on('close', end);
    }
    near.pipe(this.carry('up')).pipe(far);
    far.pipe(this.carry('down')).pipe(near);
  }

  private carry(direction: 'up' | 'down'): Transform {
    const link = this;
    let arrived = Promise.resolve();
    return new Transform({
      transform(chunk: Buffer, _, done) {
        const { sent, arrives } = link.send(chunk, direction);
        arrived = arrived.then(async () => {
          await at(arrives);
          if (arrives !== lost && !this.destroyed) this.push(chunk);
        });
        void at(sent).then(() => done());
      },
      flush(done) {
        void arrived.then(() => done());
      },
    });
  }

  /** When the link can take more, and when this is at the other end; `performance.now()` milliseconds. */
  private send(chunk: Buffer, direction: 'up' | 'down'): { sent: number; arrives: number } {
    const { bytesPerSecond, delayMs = 0, deaf } = this.state;
    if (deaf && direction === 'down') return { sent: 0, arrives: lost };
    this.bytes += chunk.length;
    const takes = bytesPerSecond ? (chunk.length / bytesPerSecond) * 1000 : 0;
    const sent = Math.max(performance.now(), this.busyUntil[direction]) + takes;
    this.busyUntil[direction] = sent;
    return { sent, arrives: sent + delayMs };
  }
}

const lost = -1;

async function at(time: number): Promise<void> {
  const wait = time - performance.now();
  if (wait >= 1) await setTimeout(wait);
}
