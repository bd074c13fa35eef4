import type { Duplex } from 'node:stream';
import type { Response } from '../../../../../src/edge/lite-apiserver/http1/response.ts';
import {
  type Request,
  ServerConnection,
} from '../../../../../src/edge/lite-apiserver/http1/server-connection.ts';
import { ends, Peer } from './ends.ts';

export interface Exchange {
  request: Request;
  response: Response;
  closed: number;
}

/** A connection of a client, with the requests that came on it. */
export class Served {
  readonly near: Duplex;
  readonly client: Peer;
  readonly connection: ServerConnection;
  readonly exchanges: Exchange[] = [];
  readonly upgrades: { request: Request; socket: Duplex; rest: Buffer }[] = [];

  constructor(handle: (request: Request, response: Response) => void = () => {}, { near, far } = ends()) {
    this.near = near;
    this.client = new Peer(far);
    this.connection = new ServerConnection(near, {
      request: (request, response) => {
        const exchange = { request, response, closed: 0 };
        response.whenClosed(() => exchange.closed++);
        this.exchanges.push(exchange);
        handle(request, response);
      },
      upgrade: (request, socket, rest) => void this.upgrades.push({ request, socket, rest }),
    });
  }

  get urls(): string[] {
    return this.exchanges.map(({ request }) => request.url);
  }

  get last(): Exchange {
    return this.exchanges.at(-1)!;
  }
}

export const text = (response: Response, body: string, more: string[] = []) => {
  response.writeHead(200, ['content-length', String(body.length), ...more]);
  response.end(body);
};
export const answered = (body: string) => `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
export const get = (url: string, ...lines: string[]) =>
  `${[`GET ${url} HTTP/1.1`, 'host: x', ...lines].join('\r\n')}\r\n\r\n`;
export const post = (url: string, length: number | 'chunked', ...lines: string[]) =>
  get(
    url,
    length === 'chunked' ? 'transfer-encoding: chunked' : `content-length: ${length}`,
    ...lines,
  ).replace('GET', 'POST');
