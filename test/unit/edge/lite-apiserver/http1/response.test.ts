import { describe, expect, test } from 'vitest';
import type { HeaderList } from '../../../../../src/edge/lite-apiserver/http1/head.ts';
import type { Response } from '../../../../../src/edge/lite-apiserver/http1/response.ts';
import { collect, loopback, turn, until } from './ends.ts';
import { answered, get, post, Served, text } from './served.ts';

/** What a client gets as the answer. */
async function answer(handle: (response: Response) => void, request = get('/')): Promise<string> {
  const served = new Served((_request, response) => handle(response));
  await served.client.send(request);
  await until(() => served.last.closed === 1);
  expect(served.last.response).toMatchObject({ ended: true, finished: true, destroyed: false });
  // Another one follows, so the end of the first is where both see it.
  const first = served.client.text;
  await served.client.send(get('/next'));
  await until(() => served.exchanges.length === 2);
  expect(served.client.text.startsWith(first)).toBe(true);
  served.client.socket.destroy();
  return first;
}

describe('an answer', () => {
  test('leaves in one piece when it is short', async () => {
    const served = new Served((_request, response) => text(response, 'hello'));
    await served.client.send(get('/'));
    expect(served.client.blocks.map(String)).toEqual([answered('hello')]);
  });

  test('without a length comes in chunks', async () => {
    const got = await answer((response) => {
      response.writeHead(201, ['a', 'b'], 'Made');
      response.write('héllo');
      response.write('');
      response.write(Buffer.alloc(16, 'x'));
      response.end('!');
    });
    const head = 'HTTP/1.1 201 Made\r\na: b\r\ntransfer-encoding: chunked\r\n\r\n';
    const body = `6\r\nhéllo\r\n10\r\n${'x'.repeat(16)}\r\n1\r\n!\r\n0\r\n\r\n`;
    expect(got).toBe(head + Buffer.from(body).toString('latin1'));
    const empty = await answer((response) => {
      response.writeHead(200, []);
      response.end();
    });
    expect(empty).toBe('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n');
  });

  test('can have its chunks already', async () => {
    const got = await answer((response) => {
      response.writeHead(200, []);
      response.write(Buffer.from('3;x\r\nabc'), true);
      response.end(Buffer.from('\r\n0\r\n\r\n'), true);
    });
    expect(got).toMatch(/chunked\r\n\r\n3;x\r\nabc\r\n0\r\n\r\n$/);
  });

  test.each<[string, number]>([
    ['HEAD', 200],
    ['GET', 204],
    ['GET', 304],
  ])('%s %i has no body', async (method, status) => {
    for (const headers of [[], ['content-length', '5']] as HeaderList[]) {
      const got = await answer(
        (response) => {
          response.writeHead(status, headers);
          response.write('he');
          response.end('llo');
        },
        get('/').replace('GET', method),
      );
      expect(got).toMatch(/^HTTP\/1.1 \d+ [\s\S]*\r\n\r\n$/);
      expect(got.split('\r\n\r\n')).toEqual([expect.anything(), '']);
      expect(got.includes('transfer-encoding')).toBe(method === 'HEAD' && headers.length === 0);
      expect(got.includes('content-length: 5')).toBe(headers.length > 0);
    }
  });

  test.each([[65_535], [65_536], [65_537], [1_000_000]])('of %i bytes', async (size) => {
    const body = Buffer.alloc(size, 'x');
    const sized = await answer((response) => {
      response.writeHead(200, ['content-length', String(size)]);
      response.write(body);
      response.end();
    });
    expect(sized === answered(body.toString())).toBe(true);
    const chunked = await answer((response) => {
      response.writeHead(200, []);
      response.end(body);
    });
    const head = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';
    expect(chunked === `${head}${size.toString(16)}\r\n${body}\r\n0\r\n\r\n`).toBe(true);
  });

  test('shows its head before its body when asked to', async () => {
    const served = new Served((_request, response) => {
      response.writeHead(200, ['x', '\xe9'], 'Tr\xe8s');
      response.flushHeaders();
    });
    await served.client.send(get('/'));
    const head = 'HTTP/1.1 200 Tr\xe8s\r\nx: \xe9\r\ntransfer-encoding: chunked\r\n\r\n';
    expect(served.client.text).toBe(head);
    served.last.response.flushHeaders();
    served.last.response.end('a');
    await until(() => served.client.text === `${head}1\r\na\r\n0\r\n\r\n`);
  });

  test('has its head as it was said, with a body of any size', async () => {
    for (const size of [1, 100_000]) {
      const got = await answer((response) => {
        response.writeHead(200, ['content-length', String(size), 'x', '\xe9']);
        response.end(Buffer.alloc(size));
      });
      expect(got).toContain('\r\nx: \xe9\r\n');
    }
  });

  test('has one head', () => {
    const served = new Served();
    served.client.push(get('/'));
    return until(() => served.exchanges.length === 1).then(() => {
      const { response } = served.last;
      text(response, 'a');
      expect(() => response.writeHead(200, [])).toThrow();
      response.end('b');
      expect(response.write('c')).toBe(true);
      return until(() => served.client.text === answered('a'));
    });
  });
});

describe('a slow client', () => {
  const block = Buffer.alloc(50_000, 'x');

  test('makes the answer wait', async () => {
    const served = new Served();
    await served.client.send(get('/'));
    const { response } = served.last;
    served.client.socket.pause();
    response.writeHead(200, ['content-length', '1000000']);
    let blocks = 0;
    do blocks++;
    while (response.write(block) && blocks < 20);
    expect(blocks).toBeLessThan(10);
    expect(response.needsDrain).toBe(true);
    let drained = false;
    void response.drained().then(() => {
      drained = true;
    });
    await turn();
    expect(drained).toBe(false);
    served.client.socket.resume();
    await until(() => drained);
    expect(response.needsDrain).toBe(false);
    for (; blocks < 20; blocks++) if (!response.write(block)) await response.drained();
    response.end();
    await until(() => served.last.closed === 1);
    expect(served.client.text.split('\r\n\r\n')[1]).toHaveLength(1_000_000);
  });

  test('that goes away ends the waiting', async () => {
    const served = new Served();
    await served.client.send(get('/'));
    const { response } = served.last;
    served.client.socket.pause();
    response.writeHead(200, []);
    while (response.write(block));
    const drained = response.drained();
    served.client.socket.destroy();
    await drained;
    expect(response).toMatchObject({ destroyed: true, finished: false });
    await response.drained();
  });
});

describe('a client that goes away', () => {
  test('while it waits', async () => {
    const served = new Served();
    await served.client.send(get('/'));
    served.client.socket.destroy();
    await until(() => served.last.closed === 1);
    const { response } = served.last;
    expect(response).toMatchObject({ destroyed: true, finished: false, ended: false });
    response.writeHead(200, []);
    expect(response.write('a')).toBe(true);
    response.flushHeaders();
    response.end('b');
    response.destroy();
    await turn();
    expect(served.last.closed).toBe(1);
  });

  test('in the midst of its body', async () => {
    for (const length of [10, 'chunked' as const]) {
      const served = new Served();
      await served.client.send(post('/', length), '5\r\nab');
      const body = collect(served.last.request);
      served.client.socket.destroy();
      await until(() => body.over);
      expect(body.error).toBeInstanceOf(Error);
    }
    const late = new Served();
    await late.client.send(post('/', 10), 'abc');
    late.client.socket.destroy();
    await until(() => late.near.destroyed);
    await turn();
    expect(collect(late.last.request)).toMatchObject({
      content: 'abc',
      over: true,
      error: expect.any(Error),
    });
  });

  test('with an answer that was written but not taken', async () => {
    const { near, far } = await loopback();
    const served = new Served(undefined, { near, far });
    served.client.push(get('/'));
    await until(() => served.exchanges.length === 1);
    far.pause();
    const { response } = served.last;
    response.writeHead(200, []);
    for (let count = 0; count < 16; count++) response.write(Buffer.alloc(1 << 20));
    response.end();
    await turn();
    expect(response.finished).toBe(false);
    far.destroy();
    await until(() => near.closed);
    await turn();
    expect(served.last.closed).toBe(1);
    expect(response).toMatchObject({ destroyed: true, finished: false });
  });

  test('is sent away', async () => {
    const served = new Served();
    await served.client.send(get('/'));
    const { response } = served.last;
    response.writeHead(200, []);
    response.write('a');
    response.destroy();
    await until(() => served.client.ended && served.last.closed === 1);
    expect(served.client.text).not.toContain('\r\n0\r\n');
    expect(response).toMatchObject({ destroyed: true, finished: false });

    const done = new Served((_request, answer) => text(answer, 'a'));
    await done.client.send(get('/'));
    done.last.response.destroy();
    await done.client.send(get('/'));
    expect(done.exchanges).toHaveLength(2);
  });

  test('because it is told to', async () => {
    const served = new Served();
    await served.client.send(get('/'));
    served.connection.close();
    await until(() => served.client.ended && served.last.closed === 1);
  });
});
