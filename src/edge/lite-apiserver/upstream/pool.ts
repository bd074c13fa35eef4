import { isIP } from 'node:net';
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { ClientConnection } from '../http1/client-connection.ts';
import type { CertificatePair } from '../serve/certificates.ts';

/** An API server, taken apart once: a URL does it anew for each request. */
export interface Server {
  origin: string;
  /** With the port. */
  host: string;
  /** Name or address, without brackets. */
  name: string;
  port: number;
}

export function serverOf(text: string): Server {
  const { origin, host, hostname, port } = new URL(text);
  return { origin, host, name: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 443) };
}

const maxFree = 8;
const idleSeconds = 60;
const keepAliveMs = 15_000;
/** One for all connections: what is read into it is taken out before anything else is read. The size is of a TLS record. */
const readBuffer = Buffer.allocUnsafeSlow(16 << 10);

/** Connections with one identity: the node's certificate, or none. */
export class Pool {
  private readonly context: SecureContext;
  private readonly onBytes: () => void;
  private free: { connection: ClientConnection; origin: string; sweeps: number }[] = [];
  private readonly sessions = new Map<string, Buffer>();
  private closed = false;

  constructor(authority: string | undefined, pair: CertificatePair | undefined, onBytes: () => void) {
    // One context for all connections: one each would cost every watch its own copy of the certificates.
    this.context = createSecureContext({ ca: authority, cert: pair?.certificate, key: pair?.key });
    this.onBytes = onBytes;
  }

  /** A connection that is open and free; undefined when there is none. */
  take({ origin }: Server): ClientConnection | undefined {
    for (;;) {
      const index = this.free.findLastIndex((one) => one.origin === origin);
      if (index < 0) return undefined;
      const [one] = this.free.splice(index, 1);
      if (!one?.connection.socket.writable) continue;
      (one.connection.socket as TLSSocket).ref();
      return one.connection;
    }
  }

  /**
   * A new connection; what is sent on it waits until it is there. One that will be handed over (`stream`) is a stream like
   * any other; from the others bytes are taken as they are decrypted, which spares each answer the work of a stream.
   */
  open({ origin, name, port }: Server, stream: boolean): ClientConnection {
    const session = this.sessions.get(origin);
    const socket: TLSSocket = connect({
      ...{ host: name, port, secureContext: this.context, ALPNProtocols: ['http/1.1'] },
      ...(isIP(name) === 0 && { servername: name }),
      ...(session && { session }),
      ...(!stream && { onread: { buffer: readBuffer, callback: receive } }),
    });
    function receive(size: number): boolean {
      const bytes = Buffer.allocUnsafe(size);
      readBuffer.copy(bytes, 0, 0, size);
      connection.receive(bytes);
      return true;
    }
    socket.setNoDelay(true);
    socket.setKeepAlive(true, keepAliveMs);
    socket.on('session', (resumable) => this.sessions.set(origin, resumable));
    const connection = new ClientConnection(socket, {
      onBytes: this.onBytes,
      onFree: () => this.give(connection, origin),
    });
    return connection;
  }

  /** To be called each second: ends connections that nobody has used for long. */
  sweep(): void {
    this.keep((one) => ++one.sweeps < idleSeconds);
  }

  /** Ends what is free now, and later what is not. */
  close(): void {
    this.closed = true;
    this.keep(() => false);
  }

  private give(connection: ClientConnection, origin: string): void {
    if (this.closed || this.free.length >= maxFree) connection.destroy();
    else {
      // What nobody uses does not keep the process from its end.
      (connection.socket as TLSSocket).unref();
      this.free.push({ connection, origin, sweeps: 0 });
    }
  }

  private keep(still: (one: { sweeps: number }) => boolean): void {
    const before = this.free;
    this.free = before.filter(still);
    for (const one of before) if (!this.free.includes(one)) one.connection.destroy();
  }
}
