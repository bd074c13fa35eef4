import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import type {
  Answer,
  ClientConnection,
} from '../../../../src/edge/lite-apiserver/http1/client-connection.ts';
import { readWhole } from '../../../../src/edge/lite-apiserver/http1/incoming.ts';
import { Pool, type Server, serverOf } from '../../../../src/edge/lite-apiserver/upstream/pool.ts';
import { createCertificate } from '../../../fakes/pki.ts';
import { until } from './rig.ts';

/** A server that answers each request with what `answer` says, and a pool of connections to it. */
async function served(
  answer: (head: string) => string,
): Promise<{ pool: Pool; server: Server; sockets: Set<TLSSocket> }> {
  const authority = createCertificate({ commonName: 'ca', ca: true });
  const { cert, key } = createCertificate({ commonName: 'server', names: ['127.0.0.1'], issuer: authority });
  const sockets = new Set<TLSSocket>();
  const listener = createServer({ cert, key }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    socket.on('data', (head) => socket.write(answer(head.toString())));
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const pool = new Pool(authority.cert, undefined, () => {});
  onTestFinished(() => {
    pool.close();
    for (const socket of sockets) socket.destroy();
    listener.close();
  });
  return { pool, server: serverOf(`https://127.0.0.1:${(listener.address() as AddressInfo).port}`), sockets };
}

const get = { method: 'GET', path: '/', host: 'x', headers: [] };
const sized = (body: string) => `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
const ask = (connection: ClientConnection): Promise<Answer> => connection.send(get).answer;

test('a connection is used again when its answer was whole, the last one first', async () => {
  const { pool, server, sockets } = await served(() => sized('hello'));
  expect(pool.take(server)).toBeUndefined();
  const first = pool.open(server, false);
  expect((await readWhole(await ask(first), 10)).toString()).toBe('hello');
  expect(pool.take(server)).toBe(first);
  expect(pool.take(server)).toBeUndefined();
  expect(pool.take(serverOf('https://127.0.0.1:1'))).toBeUndefined();
  expect((await ask(first)).status).toBe(200);
  expect(sockets.size).toBe(1);
});

test('one whose answer was held back goes on with the next', async () => {
  const body = 'x'.repeat(150_000);
  const { pool, server } = await served(() => sized(body));
  const connection = pool.open(server, false);
  for (let count = 0; count < 3; count++) {
    const answer = await ask(connection);
    let size = 0;
    await new Promise<void>((resolve, reject) => {
      answer.consume({
        data(content) {
          for (const block of content) size += block.length;
          answer.pause();
          setImmediate(() => answer.resume());
        },
        end: (error) => (error ? reject(error) : resolve()),
      });
    });
    expect(size).toBe(body.length);
    expect(pool.take(server)).toBe(connection);
  }
});

test('one that asked for another protocol is not used again when that was refused', async () => {
  const { pool, server, sockets } = await served(() => sized('no'));
  const { answer } = pool.open(server, true).send({ ...get, upgrade: true });
  expect((await readWhole(await answer, 10)).toString()).toBe('no');
  expect(pool.take(server)).toBeUndefined();
  await until(() => sockets.size === 0);
});

test('free ones are few, and end after a minute or with the pool', async () => {
  const { pool, server, sockets } = await served(() => sized('hello'));
  const many = Array.from({ length: 12 }, () => pool.open(server, false));
  await Promise.all(many.map(ask));
  await until(() => sockets.size === 8);
  for (let second = 0; second < 59; second++) pool.sweep();
  expect(many).toContain(pool.take(server));
  pool.sweep();
  expect(pool.take(server)).toBeUndefined();
  await until(() => sockets.size === 1);
  const late = pool.open(server, false);
  pool.close();
  await ask(late);
  await until(() => sockets.size === 1);
});
