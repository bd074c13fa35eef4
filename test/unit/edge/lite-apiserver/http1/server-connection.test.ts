import { describe, expect, test } from 'vitest';
import type { Response } from '../../../../../src/edge/lite-apiserver/http1/response.ts';
import type { Request } from '../../../../../src/edge/lite-apiserver/http1/server-connection.ts';
import { type Body, collect, turn, until } from './ends.ts';
import { answered, get, post, Served, text } from './served.ts';

/** Answers with the body of the request when that is whole. */
const echo = (request: Request, response: Response) =>
  void collect(request, ({ content }) => text(response, content));

describe('requests on one connection', () => {
  test('follow each other', async () => {
    const served = new Served((request, response) => text(response, request.url));
    await served.client.send(get('/a'));
    expect(served.client.text).toBe(answered('/a'));
    await served.client.send(get('/b'));
    expect(served.client.text).toBe(answered('/a') + answered('/b'));
    expect(served.exchanges.map(({ closed, response }) => [closed, response.finished])).toEqual([
      [1, true],
      [1, true],
    ]);
    expect(served.client.ended).toBe(false);
  });

  test('that come all at once are taken in turn, the next when the one before has its answer', async () => {
    const served = new Served();
    await served.client.send(`${get('/a') + post('/b', 3)}abc${get('/c')}GET /d`);
    expect(served.urls).toEqual(['/a']);
    await served.client.send(' HTTP/1.1\r\nhost: x\r\n\r\n');
    for (const url of ['/a', '/b', '/c', '/d']) {
      expect(served.urls.at(-1)).toBe(url);
      text(served.last.response, url);
      await turn();
    }
    expect(served.client.text).toBe(['/a', '/b', '/c', '/d'].map(answered).join(''));
  });

  test('are the same wherever the bytes are cut', async () => {
    const chunked = '3;a=b\r\nabc\r\n0a\r\n0123456789\r\n0\r\nx: y\r\n\r\n';
    const bytes = Buffer.from(`${post('/a', 5)}hello${post('/b', 'chunked')}${chunked}${get('/c')}`);
    const check = async (blocks: Buffer[]) => {
      const bodies: Body[] = [];
      const served = new Served((request, response) => {
        bodies.push(collect(request, () => void setImmediate(() => text(response, request.url))));
      });
      await served.client.send(...blocks);
      await until(() => served.client.text.endsWith(answered('/c')));
      expect(served.client.text).toBe(['/a', '/b', '/c'].map(answered).join(''));
      expect(bodies.map(({ content, wire, error }) => [content, wire, error])).toEqual([
        ['hello', 'hello', undefined],
        ['abc0123456789', chunked, undefined],
        ['', '', undefined],
      ]);
      served.client.socket.destroy();
    };
    for (let at = 1; at < bytes.length; at++) await check([bytes.subarray(0, at), bytes.subarray(at)]);
    await check([...bytes].map((byte) => Buffer.of(byte)));
  });

  test('may be answered in the very moment in which their body ends', async () => {
    const served = new Served(echo);
    await served.client.send(`${post('/a', 5)}he`, `llo${get('/b')}`);
    expect(served.client.text).toBe(answered('hello') + answered(''));
    await served.client.send(post('/c', 'chunked'), '1\r\na\r\n', '0\r\n\r\n');
    expect(served.client.text).toBe(answered('hello') + answered('') + answered('a'));
  });

  test('an early answer: the rest of the body is thrown away and the next request is taken', async () => {
    const served = new Served((request, response) => text(response, request.url));
    await served.client.send(`${post('/a', 10)}01234`);
    expect(served.client.text).toBe(answered('/a'));
    await served.client.send(
      '567',
      `89${get('/b')}`,
      post('/c', 'chunked'),
      '5\r\nGET /\r\n0\r\n',
      `\r\n${get('/d')}`,
    );
    expect(served.client.text).toBe(['/a', '/b', '/c', '/d'].map(answered).join(''));
  });

  test('an early answer, to a body that somebody has begun to take and then left', async () => {
    const served = new Served((request) => {
      if (request.hasBody) request.consume({ data: () => request.pause(), end() {} });
    });
    await served.client.send(post('/a', 10), '01234');
    text(served.last.response, 'early');
    served.client.push(`56789${get('/b')}`);
    await until(() => served.exchanges.length === 2);
    text(served.last.response, 'b');
    await until(() => served.client.text === answered('early') + answered('b'));
  });

  test('what comes ahead of its turn is not taken without limit', async () => {
    const served = new Served();
    await served.client.send(get('/a'));
    const ahead = get('/b', `x: ${'a'.repeat(1000)}`);
    for (let count = 0; count < 300; count++) served.client.push(ahead);
    await turn();
    await turn();
    expect(served.near.isPaused()).toBe(true);
    expect(served.client.socket.writableLength).toBeGreaterThan(100_000);
    for (let count = 0; count <= 300; count++) {
      await until(() => served.exchanges.length === count + 1);
      text(served.last.response, 'ok');
    }
    await until(() => served.client.text === answered('ok').repeat(301));
  });

  test('a body that nobody takes is held back, and comes whole when somebody does', async () => {
    const served = new Served();
    const size = 1 << 20;
    await served.client.send(post('/a', size));
    for (let sent = 0; sent < size; sent += 1 << 15) served.client.push(Buffer.alloc(1 << 15, 'x'));
    await turn();
    await turn();
    expect(served.client.socket.writableLength).toBeGreaterThan(size / 2);
    const body = collect(served.last.request);
    await until(() => body.over);
    expect(body.content).toBe('x'.repeat(size));
  });

  test('connection: close', async () => {
    for (const lines of [
      ['connection: close'],
      ['Connection: foo, Close'],
      ['connection: foo', 'connection: close'],
    ]) {
      const served = new Served((request, response) => text(response, request.url));
      await served.client.send(get('/a', ...lines) + get('/b'), get('/c'));
      await until(() => served.client.ended);
      expect(served.client.text).toBe(answered('/a').replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n'));
      expect(served.urls).toEqual(['/a']);
    }
  });

  test('the answer can close too, and what is still on its way is read to the end', async () => {
    const served = new Served();
    await served.client.send(`${post('/a', 1 << 20)}abc`);
    text(served.last.response, 'no', ['connection', 'close']);
    for (let count = 0; count < 20; count++) served.client.push(Buffer.alloc(1 << 15));
    await until(() => served.client.ended && served.client.socket.writableLength === 0);
    expect(served.client.text).toMatch(/connection: close\r\n\r\nno$/);
    await until(() => served.near.destroyed);
  });

  test('also when it was held back', async () => {
    const served = new Served();
    await served.client.send(get('/a'));
    for (let count = 0; count < 20; count++) served.client.push(Buffer.alloc(1 << 15));
    await turn();
    text(served.last.response, 'no', ['connection', 'close']);
    await until(() => served.client.ended && served.client.socket.writableLength === 0);
    await until(() => served.near.destroyed);
  });
});

describe('expect: 100-continue', () => {
  const awaited = post('/a', 2, 'expect: 100-continue');
  const go = 'HTTP/1.1 100 Continue\r\n\r\n';

  test('the body is asked for when somebody wants it', async () => {
    const served = new Served();
    await served.client.send(awaited);
    expect(served.client.text).toBe('');
    echo(served.last.request, served.last.response);
    await until(() => served.client.text === go);
    await served.client.send('ab');
    expect(served.client.text).toBe(go + answered('ab'));
  });

  test('not when it is there already', async () => {
    const served = new Served(echo);
    await served.client.send(`${awaited}ab`);
    expect(served.client.text).toBe(answered('ab'));
  });

  test.each([[false], [true]])('not after the answer (which closes: %s)', async (closes) => {
    const served = new Served((_request, response) =>
      text(response, 'no', closes ? ['connection', 'close'] : []),
    );
    await served.client.send(awaited);
    expect(served.client.text).toMatch(/^HTTP\/1.1 200 [\s\S]*no$/);
    expect(served.client.text).not.toContain('Continue');
    await served.client.send('ab', closes ? '' : get('/b'));
    expect(served.exchanges).toHaveLength(closes ? 1 : 2);
    expect(served.last.closed).toBe(1);
    expect(served.last.response.finished).toBe(true);
  });
});

describe('what is refused', () => {
  test.each<[string, number]>([
    ['GET / HTTP/1.1\r\n\r\n', 400],
    ['\0\r\n\r\n', 400],
    ['\r\n\r\n', 400],
    ['GET / HTTP/1.0\r\nhost: x\r\n\r\n', 505],
    [get('/', 'transfer-encoding: gzip'), 501],
    [get('/', `x: ${'a'.repeat(65 << 10)}`), 431],
    [`GET / HTTP/1.1\r\nx: ${'a'.repeat(65 << 10)}`, 431],
    [`GET /${'a'.repeat(65 << 10)}`, 431],
    [`${post('/', 'chunked')}x\r\n`, 400],
  ])('%#: is told why, and the connection ends', async (bytes, status) => {
    for (const before of ['', get('/before')]) {
      const served = new Served((request, response) => text(response, request.url));
      await served.client.send(before + bytes);
      await served.client.send(get('/after'));
      await until(() => served.near.destroyed);
      expect(served.client.text).toMatch(
        new RegExp(
          `^${before && answered('/before')}HTTP/1.1 ${status} [\\s\\S]*\r\nconnection: close\r\n\r\n.+\n$`,
        ),
      );
      expect(served.client.ended).toBe(true);
      expect(served.urls).toEqual(before ? ['/before'] : []);
    }
  });

  test('a body that turns out malformed: who takes it learns so at once', async () => {
    const bodies: Body[] = [];
    const served = new Served((request) => bodies.push(collect(request)));
    // A client that does not end when the server does.
    served.client.socket.allowHalfOpen = true;
    await served.client.send(post('/a', 'chunked'), '3\r\nabc\r\n', 'zz\r\n');
    await turn();
    expect(bodies).toMatchObject([{ content: 'abc', over: true, error: expect.any(Error) }]);
    const { response } = served.last;
    if (!response.destroyed) text(response, 'late');
    await until(() => served.client.ended);
    expect(served.client.text).toMatch(/^HTTP\/1.1 400 [\s\S]*malformed\n$/);
    expect(served.last.closed).toBe(1);
  });

  test('a body that turns out malformed when the answer has begun: the answer is cut', async () => {
    const served = new Served((request, response) => {
      collect(request);
      response.writeHead(200, []);
      response.write('abc');
    });
    await served.client.send(post('/a', 'chunked'), 'zz\r\n');
    await until(() => served.near.destroyed);
    expect(served.client.text).toMatch(/3\r\nabc\r\n$/);
    expect(served.last).toMatchObject({ closed: 1, response: { destroyed: true, finished: false } });
  });

  test('who takes too long', async () => {
    const half = new Served();
    await half.client.send('GET / HT');
    expect(half.connection).toMatchObject({ idle: false, waiting: true });
    half.connection.timeOut();
    await until(() => half.near.destroyed);
    expect(half.client.text).toMatch(/^HTTP\/1.1 408 [\s\S]*connection: close/);

    const idle = new Served((_request, response) => text(response, 'ok'));
    await idle.client.send(get('/'));
    expect(idle.connection).toMatchObject({ idle: true, waiting: true });
    idle.connection.timeOut();
    await until(() => idle.client.ended);
    expect(idle.client.text).toBe(answered('ok'));

    const again = new Served((_request, response) => text(response, 'ok'));
    await again.client.send(get('/'), 'G');
    expect(again.connection.idle).toBe(false);
    const busy = new Served();
    await busy.client.send(get('/'));
    expect(busy.connection.waiting).toBe(false);
  });
});

describe('an upgrade', () => {
  const upgrade = ['connection: keep-alive, Upgrade', 'upgrade: websocket'];

  test('hands the connection over, with what came after the head', async () => {
    const served = new Served((request, response) => text(response, request.url));
    await served.client.send(get('/a') + get('/up', ...upgrade), '\x81\r\n\r\n');
    const [{ request, socket, rest } = {}] = served.upgrades;
    expect(request).toMatchObject({ url: '/up', method: 'GET', hasBody: false });
    expect(rest).toHaveLength(0);
    expect(socket?.isPaused()).toBe(true);
    let came = '';
    socket?.on('data', (block) => {
      came += block.toString('latin1');
    });
    socket?.resume();
    await until(() => came === '\x81\r\n\r\n');
    socket?.write('hello');
    await until(() => served.client.text === `${answered('/a')}hello`);
    expect(served.connection.waiting).toBe(false);
  });

  test('in one block', async () => {
    const served = new Served();
    await served.client.send(`${get('/up', ...upgrade)}abc`);
    expect(served.upgrades[0]?.rest.toString()).toBe('abc');
    expect(served.exchanges).toEqual([]);
  });

  test('is none without both fields, or with a body', async () => {
    const served = new Served((request, response) => text(response, request.url));
    await served.client.send(get('/a', 'upgrade: x'), get('/b', 'connection: upgrade'));
    await served.client.send(`${post('/c', 5, 'upgrade: x', 'connection: upgrade')}hello${get('/d')}`);
    expect(served.upgrades).toEqual([]);
    expect(served.urls).toEqual(['/a', '/b', '/c', '/d']);
  });
});
