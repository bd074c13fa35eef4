import type { Duplex } from 'node:stream';
import { describe, expect, test } from 'vitest';
import {
  type Answer,
  ClientConnection,
  type Outgoing,
} from '../../../../../src/edge/lite-apiserver/http1/client-connection.ts';
import { BadMessage, type BodyLength } from '../../../../../src/edge/lite-apiserver/http1/head.ts';
import { Incoming, readWhole } from '../../../../../src/edge/lite-apiserver/http1/incoming.ts';
import { type Body, collect, ends, Peer, turn, until } from './ends.ts';

/** A connection to a server, with what came of its exchanges. */
class Linked {
  readonly near: Duplex;
  readonly server: Peer;
  readonly connection: ClientConnection;
  free = 0;
  bytes = 0;
  over = 0;

  constructor() {
    const { near, far } = ends();
    this.near = near;
    this.server = new Peer(far);
    this.connection = new ClientConnection(near, {
      onBytes: () => this.bytes++,
      onFree: () => this.free++,
    });
  }

  send(outgoing: Partial<Outgoing> = {}) {
    const sent = this.connection.send({ ...get, ...outgoing }, () => this.over++);
    sent.answer.catch(() => {});
    return sent;
  }

  /** Asks, and takes the answer in these blocks. */
  async ask(blocks: (string | Buffer)[], method = 'GET'): Promise<{ answer: Answer; body: Body }> {
    const { answer } = this.send({ method });
    await this.server.send(...blocks);
    const taken = await answer;
    return { answer: taken, body: collect(taken) };
  }
}

const get: Outgoing = { method: 'GET', path: '/a?b=c', host: 'x', headers: ['a', '\xe9'] };
const head = 'GET /a?b=c HTTP/1.1\r\nhost: x\r\na: \xe9\r\n\r\n';
const sized = (body: string, ...lines: string[]) =>
  `${['HTTP/1.1 200 OK', `content-length: ${body.length}`, ...lines].join('\r\n')}\r\n\r\n${body}`;
const chunkedHead = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';
const chunks = '3;a=b\r\nabc\r\n0a\r\n0123456789\r\n0\r\nx: y\r\n\r\n';
const endless = 'HTTP/1.1 200 OK\r\n\r\n';

/** A body that comes in from somebody else. */
function incoming(length: BodyLength) {
  const calls: string[] = [];
  const message = new Incoming([], length, {
    pause: () => void calls.push('pause'),
    resume: () => void calls.push('resume'),
    destroy: () => void calls.push('destroy'),
  });
  return { message, calls };
}

describe('answers', () => {
  test('follow each other on a connection', async () => {
    const linked = new Linked();
    expect(linked.connection).toMatchObject({ busy: false, used: false });
    for (let count = 1; count <= 3; count++) {
      const { answer } = linked.send();
      expect(linked.connection.busy).toBe(true);
      await until(() => linked.server.text === head.repeat(count));
      await linked.server.send('HTTP/1.1 203 Ok \xe9\r\nX-A: \xe9\r\nContent-Length: 5\r\n\r\nhe');
      expect(linked).toMatchObject({ free: count - 1, over: count - 1, connection: { busy: true } });
      await linked.server.send('llo');
      expect(linked).toMatchObject({ free: count, over: count, bytes: 2 * count });
      expect(linked.connection).toMatchObject({ busy: false, used: true });
      const taken = await answer;
      expect(taken).toMatchObject({ status: 203, message: 'Ok \xe9', complete: true });
      expect(taken.headers).toEqual(['x-a', '\xe9', 'content-length', '5']);
      expect((await readWhole(taken, 5)).toString()).toBe('hello');
    }
  });

  test('are the same wherever the bytes are cut', async () => {
    for (const [first, wire, content] of [
      ['HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n', 'hello', 'hello'],
      [chunkedHead, chunks, 'abc0123456789'],
      [endless, 'hello', 'hello'],
      [`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\na: b\r\n\r\n${chunkedHead}`, '0\r\n\r\n', ''],
    ] as const) {
      const bytes = Buffer.from(first + wire);
      const check = async (blocks: Buffer[]) => {
        const linked = new Linked();
        const { answer, body } = await linked.ask(blocks);
        expect(answer.status).toBe(200);
        if (first === endless) {
          expect(body.over).toBe(false);
          linked.server.socket.end();
        }
        await until(() => body.over);
        expect(body).toEqual({ content, wire, over: true, error: undefined });
        expect(linked).toMatchObject({ over: 1, free: first === endless ? 0 : 1 });
        linked.server.socket.destroy();
      };
      for (let at = 1; at < bytes.length; at++) await check([bytes.subarray(0, at), bytes.subarray(at)]);
      await check([...bytes].map((byte) => Buffer.of(byte)));
    }
  });

  test.each([
    ['HEAD', 200, 'content-length: 5'],
    ['HEAD', 200, 'transfer-encoding: chunked'],
    ['HEAD', 200, 'a: b'],
    ['GET', 204, 'a: b'],
    ['GET', 204, 'transfer-encoding: chunked'],
    ['GET', 304, 'content-length: 5'],
    ['GET', 200, 'content-length: 0'],
  ])('%s %i with %s has no body', async (method, status, line) => {
    const linked = new Linked();
    const { answer, body } = await linked.ask([`HTTP/1.1 ${status} x\r\n${line}\r\n\r\n`], method);
    expect(answer).toMatchObject({ status, complete: true });
    expect(body).toMatchObject({ content: '', over: true, error: undefined });
    expect(linked).toMatchObject({ free: 1, over: 1, near: { destroyed: false } });
  });

  test('that say so end the connection', async () => {
    for (const answer of [
      sized('hello', 'connection: close'),
      sized('hello', 'Connection: foo, Close'),
      sized('hello', 'connection: foo', 'connection: close'),
      sized('hello').replace('1.1', '1.0'),
    ]) {
      const linked = new Linked();
      const { body } = await linked.ask([answer]);
      expect(body).toMatchObject({ content: 'hello', over: true, error: undefined });
      expect(linked).toMatchObject({ free: 0, over: 1, near: { destroyed: true } });
    }
  });

  test('are held back until somebody takes them', async () => {
    const linked = new Linked();
    const { answer } = linked.send();
    const size = 1 << 20;
    linked.server.push(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`);
    const taken = await answer;
    for (let sent = 0; sent < size; sent += 1 << 15) linked.server.push(Buffer.alloc(1 << 15, 'x'));
    await turn();
    await turn();
    expect(linked.server.socket.writableLength).toBeGreaterThan(size / 2);
    const body = collect(taken);
    taken.pause();
    await turn();
    expect(body.over).toBe(false);
    taken.resume();
    await until(() => body.over);
    expect(body.content).toHaveLength(size);
  });

  test('that come whole while they are held back leave the connection open for the next', async () => {
    const linked = new Linked();
    const { answer } = linked.send();
    await linked.server.send(sized('hello').slice(0, -1));
    const body = collect(await answer);
    (await answer).pause();
    // What was decrypted already comes in spite of the pause.
    linked.connection.receive(Buffer.from('o'));
    expect(body).toMatchObject({ content: 'hello', over: true });
    const next = linked.send();
    linked.server.push(sized('world'));
    await until(() => linked.free === 2);
    expect((await readWhole(await next.answer, 5)).toString()).toBe('world');
  });

  test('101: the connection is the caller’s, with what came after the head', async () => {
    const linked = new Linked();
    const { answer, giveUp } = linked.send({ upgrade: true });
    await linked.server.send('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\nabc', 'def');
    const { upgraded, status, complete } = await answer;
    expect({ status, complete, rest: upgraded?.rest.toString() }).toEqual({
      status: 101,
      complete: true,
      rest: 'abc',
    });
    expect(linked).toMatchObject({ free: 0, over: 1, connection: { busy: false } });
    giveUp(new Error('too late'));
    let came = '';
    upgraded?.socket.on('data', (block) => {
      came += block;
    });
    upgraded?.socket.resume();
    await until(() => came === 'def');
    upgraded?.socket.write('hello');
    await until(() => linked.server.text === `${head}hello`);
  });
});

describe('what goes wrong', () => {
  test.each([
    ['no HTTP', ['SSH-2.0-x\r\n\r\n']],
    ['a 101 nobody asked for', ['HTTP/1.1 101 x\r\nupgrade: x\r\n\r\n']],
    ['a field', ['HTTP/1.1 200 OK\r\na : b\r\n\r\n']],
    ['a field after a 100', ['HTTP/1.1 100 x\r\n\r\nHTTP/1.1 200 OK\r\na : b\r\n\r\n']],
    ['a first chunk', [`${chunkedHead}x\r\n`]],
    ['one byte too many', [`${sized('hello')}!`]],
    ['a second answer', [sized('hello') + sized('world')]],
    ['a body for HEAD', [sized('hello')]],
    ['too large a head', ['HTTP/1.1 200 OK\r\na: ', 'x'.repeat(300 << 10)]],
  ])('%s: there is no answer', async (what, blocks) => {
    const linked = new Linked();
    const { answer } = linked.send({ method: what === 'a body for HEAD' ? 'HEAD' : 'GET' });
    let outcome: unknown;
    answer.then(
      () => {
        outcome = 'an answer';
      },
      (error) => {
        outcome = error;
      },
    );
    await linked.server.send(...blocks);
    await until(() => outcome !== undefined);
    expect(outcome).toBeInstanceOf(BadMessage);
    expect(linked).toMatchObject({ free: 0, over: 1, near: { destroyed: true } });
  });

  test.each([
    ['a later chunk', [`${chunkedHead}1\r\na\r\n`, 'x\r\n'], BadMessage],
    ['a chunk without an end', [`${chunkedHead}1\r\nab`, 'c\r\n'], BadMessage],
    ['the end of the connection', [sized('hello').slice(0, -1)], Error],
    ['the end of the connection among chunks', [`${chunkedHead}1\r\na\r\n`, '0\r\n'], Error],
  ])('%s: the body ends with an error', async (what, blocks, type) => {
    const linked = new Linked();
    const { answer } = linked.send();
    const body = answer.then((taken) => collect(taken));
    await linked.server.send(...blocks);
    if (what.includes('end of the connection')) linked.server.socket.end();
    const { error } = await body.then(async (taken) => {
      await until(() => taken.over);
      return taken;
    });
    expect(error).toBeInstanceOf(type);
    expect(linked).toMatchObject({ free: 0, over: 1, connection: { busy: false } });
  });

  test('an answer that goes on is whole for who took it, and the connection ends', async () => {
    const linked = new Linked();
    const { body } = await linked.ask([sized('hello').slice(0, -1), 'o!']);
    expect(body).toMatchObject({ content: 'hello', over: true, error: undefined });
    await until(() => linked.near.destroyed && linked.over === 1);
    expect(linked.free).toBe(0);
  });

  test('what nobody asked for ends the connection', async () => {
    const linked = new Linked();
    await linked.ask([sized('')]);
    await linked.server.send(sized(''));
    expect(linked).toMatchObject({ free: 1, over: 1, near: { destroyed: true } });
  });

  test('the connection ends before the answer', async () => {
    for (const blocks of [[], ['HTTP/1.1 20'], ['HTTP/1.1 100 Continue\r\n\r\n']]) {
      const linked = new Linked();
      const { answer } = linked.send();
      await linked.server.send(...blocks);
      linked.server.socket.end();
      await expect(answer).rejects.toMatchObject({ code: 'ECONNRESET' });
      expect(linked).toMatchObject({ free: 0, over: 1 });
    }
  });

  test('the error of the system is the one that is told', async () => {
    const linked = new Linked();
    const { answer } = linked.send();
    const error = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    linked.near.destroy(error);
    await expect(answer).rejects.toBe(error);
  });

  test('giving up ends one’s own exchange and no other', async () => {
    const linked = new Linked();
    const first = linked.send();
    await linked.server.send(sized('a'));
    first.giveUp(new Error('late'));
    const second = linked.send();
    first.giveUp(new Error('late'));
    await linked.server.send('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe');
    const body = collect(await second.answer);
    expect(linked.near.destroyed).toBe(false);
    const error = new Error('enough');
    second.giveUp(error);
    await until(() => body.over);
    expect(body).toMatchObject({ content: 'he', error });
    expect(linked).toMatchObject({ free: 1, over: 2 });

    const other = new Linked();
    const third = other.send();
    third.giveUp(error);
    await expect(third.answer).rejects.toBe(error);
    expect(other.over).toBe(1);
  });
});

describe('the body of a request', () => {
  test('that is there goes with the head', async () => {
    const linked = new Linked();
    linked.send({ body: Buffer.from('\xff\0', 'latin1') });
    await until(() => linked.server.text !== '');
    expect(linked.server.blocks.map((block) => block.toString('latin1'))).toEqual([`${head}\xff\0`]);
  });

  test('that comes in passes as it comes, chunks included', async () => {
    const linked = new Linked();
    const { message } = incoming('chunked');
    message.receive(Buffer.from('3;a\r\nab'));
    const { answer } = linked.send({ body: message });
    await until(() => linked.server.text === `${head}3;a\r\nab`);
    for (const block of ['c\r', '\n0\r\n', 'x: y\r\n\r\n']) message.receive(Buffer.from(block));
    await until(() => linked.server.text === `${head}3;a\r\nabc\r\n0\r\nx: y\r\n\r\n`);
    await linked.server.send(sized('ok'));
    expect((await answer).complete).toBe(true);
    expect(linked.free).toBe(1);
  });

  test('waits for a server that is slow', async () => {
    const linked = new Linked();
    const { message, calls } = incoming(10_000_000);
    linked.server.socket.pause();
    linked.send({ body: message });
    let sent = 0;
    for (; calls.length === 0; sent++) message.receive(Buffer.alloc(10_000));
    expect(sent).toBeLessThan(50);
    await turn();
    expect(calls).toEqual(['pause']);
    linked.server.socket.resume();
    await until(() => calls.length > 1);
    expect(calls).toEqual(['pause', 'resume']);
    for (; sent < 1000; sent++) message.receive(Buffer.alloc(10_000));
    await until(() => linked.server.text.length === head.length + 10_000_000);
  });

  test('that breaks off takes the exchange with it', async () => {
    const linked = new Linked();
    const { message } = incoming(10);
    const { answer } = linked.send({ body: message });
    message.receive(Buffer.from('abc'));
    const error = new Error('gone');
    message.fail(error);
    await expect(answer).rejects.toBe(error);
    expect(linked).toMatchObject({ free: 0, over: 1 });
  });

  test('an early answer that is whole ends the connection, and the rest comes to nothing', async () => {
    const linked = new Linked();
    const { message, calls } = incoming(1_000_000);
    const { answer } = linked.send({ body: message });
    linked.server.socket.pause();
    while (calls.length === 0) message.receive(Buffer.alloc(10_000));
    linked.server.push(sized('no'));
    expect((await readWhole(await answer, 10)).toString()).toBe('no');
    await until(() => linked.near.destroyed && calls.includes('resume'));
    while (!message.complete) message.receive(Buffer.alloc(10_000));
    await turn();
    expect(linked).toMatchObject({ free: 0, over: 1 });
  });

  test('an answer that begins early and ends late leaves the connection free', async () => {
    const linked = new Linked();
    const { message } = incoming(5);
    const { answer } = linked.send({ body: message });
    await linked.server.send(`${chunkedHead}1\r\na\r\n`);
    const body = collect(await answer);
    message.receive(Buffer.from('hello'));
    await until(() => linked.server.text === `${head}hello`);
    expect(linked).toMatchObject({ free: 0, over: 0 });
    await linked.server.send('0\r\n\r\n');
    expect(body).toMatchObject({ content: 'a', over: true, error: undefined });
    expect(linked).toMatchObject({ free: 1, over: 1 });
  });
});
