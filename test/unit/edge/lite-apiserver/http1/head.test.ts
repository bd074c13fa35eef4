import { describe, expect, test } from 'vitest';
import { BodyScanner } from '../../../../../src/edge/lite-apiserver/http1/body-scanner.ts';
import {
  BadMessage,
  hasToken,
  parseAnswerHead,
  parseRequestHead,
} from '../../../../../src/edge/lite-apiserver/http1/head.ts';

const get = (...lines: string[]) => `${['GET / HTTP/1.1', 'host: x', ...lines].join('\r\n')}\r\n`;
const ok = (...lines: string[]) => `${['HTTP/1.1 200 OK', ...lines].join('\r\n')}\r\n`;

function refusal(parse: () => unknown): number | undefined {
  try {
    parse();
  } catch (error) {
    if (error instanceof BadMessage) return error.status;
    throw error;
  }
  return undefined;
}
const refused = (text: string) => refusal(() => parseRequestHead(text));
const refusedAnswer = (text: string) => refusal(() => parseAnswerHead(text, 'GET'));

describe('the head of a request', () => {
  test('is read as it stands, with names in lower case', () => {
    const text =
      'PATCH /a?b=%20&c HTTP/1.1\r\nHost: x:1\r\nX-One:1\r\nX-Two: \t a, b\t \r\nx-one: \r\nZ:\xe9~\r\n';
    expect(parseRequestHead(text)).toMatchObject({
      method: 'PATCH',
      target: '/a?b=%20&c',
      headers: ['host', 'x:1', 'x-one', '1', 'x-two', 'a, b', 'x-one', '', 'z', '\xe9~'],
      length: 0,
    });
  });

  test('with the fields of the one before is read as if there had been none before', () => {
    const fields = 'host: x\r\ncontent-length: 3\r\n';
    const last = parseRequestHead(`POST /a HTTP/1.1\r\n${fields}`);
    for (const text of [`PUT /b HTTP/1.1\r\n${fields}`, `PUT /b HTTP/1.1\r\n${fields.replace('3', '4')}`])
      expect(parseRequestHead(text, last)).toEqual(parseRequestHead(text));
    expect(refusal(() => parseRequestHead(`PUT /b HTTP/1.0\r\n${fields}`, last))).toBe(505);
    expect(refusal(() => parseRequestHead(`PUT /b HTTP/1.1\r\n${fields}a : b\r\n`, last))).toBe(400);
  });

  test.each<[string, number | 'chunked']>([
    ['content-length: 0', 0],
    ['Content-Length: 0012', 12],
    ['content-length: 999999999999999', 999_999_999_999_999],
    ['transfer-encoding: chunked', 'chunked'],
    ['Transfer-Encoding: Chunked', 'chunked'],
  ])('%s says how long the body is', (line, length) =>
    expect(parseRequestHead(get(line)).length).toBe(length),
  );

  test('only blanks and tabs are taken off a value, and a non-breaking space is none', () => {
    expect(parseRequestHead(get('x: \xa0a\xa0 \t')).headers.at(-1)).toBe('\xa0a\xa0');
    expect(refused(get('transfer-encoding: chunked\xa0 '))).toBe(501);
    expect(refused(get('content-length: 5\xa0 '))).toBe(400);
  });

  test.each([
    ['GET / HTTP/1.0', 505],
    ['GET / HTTP/2.0', 505],
    ['GET / HTTP/0.9', 505],
    ['PRI * HTTP/2.0', 505],
    ['GET / HTTP/3', 505],
    ['GET /', 400],
    ['GET  / HTTP/1.1', 400],
    ['GET /  HTTP/1.1', 400],
    ['GET / HTTP/1.1 ', 400],
    [' GET / HTTP/1.1', 400],
    ['GET\t/\tHTTP/1.1', 400],
    ['GET / http/1.1', 400],
    ['GET / HTTP/1.11', 505],
    ['GET / HTTP/1,1', 400],
    ['GET HTTP/1.1', 400],
    ['/ HTTP/1.1', 400],
    ['G(T / HTTP/1.1', 400],
    ['GET /a b HTTP/1.1', 400],
    ['GET /\0 HTTP/1.1', 400],
    ['GET /\x7f HTTP/1.1', 400],
    ['GET /\xe9 HTTP/1.1', 400],
    ['\r\nGET / HTTP/1.1', 400],
    ['', 400],
  ])('the line %j is refused', (line, status) => expect(refused(`${line}\r\nhost: x\r\n`)).toBe(status));

  test('a line end is CR and LF, nothing else', () => {
    expect(refused('GET / HTTP/1.1\nhost: x\r\n')).toBe(400);
    expect(refused('GET / HTTP/1.1\rhost: x\r\n')).toBe(400);
    expect(refused('GET / HTTP/1.1\r\nhost: x\n')).toBe(400);
    expect(refused('GET / HTTP/1.1\r\nhost: x\r')).toBe(400);
    expect(refused('GET / HTTP/1.1\r\nhost: x')).toBe(400);
    for (const end of ['\n', '\r', '\n\r', '\r\r\n', '\r\n\r\n', '\v', '\f', '\x85'])
      expect(refused(`GET / HTTP/1.1\r\nhost: x${end}a: b\r\n`), JSON.stringify(end)).toBe(
        end === '\x85' ? undefined : 400,
      );
  });

  test.each([
    ['a : b'],
    ['a\t: b'],
    [' a: b'],
    ['\ta: b'],
    ['a'],
    [': b'],
    [''],
    ['a b: c'],
    ['a(: c'],
    ['a": c'],
    ['a\0: c'],
    ['\xe9: c'],
    ['a: b\0c'],
    ['a: \x01'],
    ['a: \x1b[0m'],
    ['a: b\x7f'],
    ['a: b\r c'],
  ])('the field %j is refused', (line) => {
    expect(refused(get(line))).toBe(400);
    expect(refused(get('b: c', line, 'd: e'))).toBe(400);
    expect(refusedAnswer(ok(line))).toBe(400);
  });

  test.each([[' folded'], ['\tfolded'], [' folded: yes']])('a line %j that goes on is refused', (line) => {
    expect(refused(get('a: b', line))).toBe(400);
    expect(refusedAnswer(ok('a: b', line))).toBe(400);
  });

  test.each([
    [['content-length: 5', 'content-length: 6'], 400],
    [['content-length: 5', 'content-length: 05'], 400],
    [['content-length: 5', 'x: y', 'Content-Length: 5'], 400],
    [['content-length: 5, 5'], 400],
    [['content-length: 5', 'transfer-encoding: chunked'], 400],
    [['transfer-encoding: chunked', 'content-length: 0'], 400],
    [['transfer-encoding: gzip'], 501],
    [['transfer-encoding: gzip, chunked'], 501],
    [['transfer-encoding: chunked, chunked'], 501],
    [['transfer-encoding: chunked', 'transfer-encoding: chunked'], 501],
    [['transfer-encoding: chunked', 'transfer-encoding: identity'], 501],
    [['transfer-encoding: chunked;q=1'], 501],
    [['transfer-encoding: "chunked"'], 501],
    [['transfer-encoding: ,chunked'], 501],
    [['transfer-encoding: xchunked'], 501],
    [['transfer-encoding:'], 501],
    [['transfer-encoding: identity'], 501],
    [['content-length:'], 400],
    [['content-length: -1'], 400],
    [['content-length: +1'], 400],
    [['content-length: 1.0'], 400],
    [['content-length: 1e1'], 400],
    [['content-length: 0x10'], 400],
    [['content-length: 1 0'], 400],
    [['content-length: 1_0'], 400],
    [['content-length: \xb2'], 400],
    [['content-length: five'], 400],
    [['content-length: 1000000000000000'], 400],
    [['content-length: 18446744073709551621'], 400],
  ])('%j leaves the length open and is refused', (lines, status) =>
    expect(refused(get(...lines))).toBe(status),
  );

  test('there is one host, and one of what must not be told twice', () => {
    expect(refused('GET / HTTP/1.1\r\n')).toBe(400);
    expect(refused('GET / HTTP/1.1\r\nx-host: x\r\n')).toBe(400);
    expect(refused(get('Host: x'))).toBe(400);
    expect(refused(get('authorization: Bearer a'))).toBeUndefined();
    expect(refused(get('authorization: Bearer a', 'a: b', 'Authorization: Bearer b'))).toBe(400);
    expect(refused(get('authorization: Bearer a', 'authorization: Bearer a'))).toBe(400);
    expect(refused(get('content-type: a/b', 'content-type: c/d'))).toBeUndefined();
    expect(refused(get('accept: a/b', 'accept: c/d'))).toBeUndefined();
  });

  test.each([
    [' ', 400],
    ['\t', 400],
    [' a', 400],
    ['a: b\r\n', 431],
  ])('one full of %j is refused in little time', (filling, status) => {
    const started = performance.now();
    const text = get(`x:${filling.repeat((30 << 10) / filling.length)}\0`);
    expect(refused(text)).toBe(status);
    expect(refusedAnswer(text.replace('GET / HTTP/1.1', 'HTTP/1.1 200 OK'))).toBe(status);
    expect(performance.now() - started).toBeLessThan(500);
  });
});

test('CONNECT is refused, whatever it names', () => {
  expect(refused('CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n')).toBe(405);
  expect(refused('CONNECT /api HTTP/1.1\r\nhost: x\r\n')).toBe(405);
});

test('fields that are the same as before are not read again', () => {
  const first = parseRequestHead(get('a: b'));
  const second = parseRequestHead(get('a: b').replace('GET / ', 'PUT /x '), first);
  expect(second).toEqual({ ...first, method: 'PUT', target: '/x' });
  expect(second.headers).toBe(first.headers);
  expect(parseRequestHead(get('a: c'), first).headers).not.toEqual(first.headers);
});

describe('the head of an answer', () => {
  const head = (text: string, method = 'GET') => parseAnswerHead(text, method);

  test('is read as it stands', () => {
    expect(head('HTTP/1.1 404 Not \xe9 Found \r\nA: b\r\nContent-Length: 7\r\n')).toEqual({
      status: 404,
      message: 'Not \xe9 Found ',
      headers: ['a', 'b', 'content-length', '7'],
      length: 7,
      keepAlive: true,
    });
    expect(head('HTTP/1.1 200\r\n').message).toBe('');
    expect(head('HTTP/1.1 200 \r\n').message).toBe('');
  });

  test.each([
    ['HTTP/2.0 200 OK'],
    ['HTTP/1.2 200 OK'],
    ['HTTP/1.1  200 OK'],
    ['HTTP/1.1 20 OK'],
    ['HTTP/1.1 2000 OK'],
    ['HTTP/1.1 099 OK'],
    ['HTTP/1.1 600 OK'],
    ['HTTP/1.1 200OK'],
    ['HTTP/1.1 200 O\0K'],
    ['HTTP/1.1 200 O\nK'],
    ['http/1.1 200 OK'],
    [' HTTP/1.1 200 OK'],
    ['\r\nHTTP/1.1 200 OK'],
    [''],
  ])('the line %j is refused', (line) => expect(refusedAnswer(`${line}\r\na: b\r\n`)).toBe(400));

  test('a body that has no length ends with the connection', () => {
    expect(head(ok())).toMatchObject({ length: 'close', keepAlive: false });
    expect(head(ok('transfer-encoding: chunked'))).toMatchObject({ length: 'chunked', keepAlive: true });
    expect(refusedAnswer(ok('content-length: 1', 'transfer-encoding: chunked'))).toBe(400);
    expect(refusedAnswer(ok('content-length: 1', 'content-length: 2'))).toBe(400);
    expect(refusedAnswer(ok('transfer-encoding: gzip'))).toBe(501);
  });

  test('some have none, whatever they say', () => {
    for (const line of ['content-length: 5', 'transfer-encoding: chunked', 'a: b']) {
      expect(head(ok(line), 'HEAD')).toMatchObject({ length: 0, keepAlive: true });
      for (const status of [100, 103, 204, 304])
        expect(head(`HTTP/1.1 ${status} x\r\n${line}\r\n`), line).toMatchObject({
          length: 0,
          keepAlive: true,
        });
    }
  });

  test('the server says that it closes', () => {
    const keeps = (...lines: string[]) => head(ok('content-length: 0', ...lines)).keepAlive;
    expect(keeps()).toBe(true);
    expect(keeps('connection: keep-alive')).toBe(true);
    expect(keeps('connection: Close')).toBe(false);
    expect(keeps('connection: foo, close')).toBe(false);
    expect(keeps('connection: foo', 'connection: close')).toBe(false);
    expect(head('HTTP/1.0 200 OK\r\ncontent-length: 0\r\n').keepAlive).toBe(false);
  });
});

test('a token is found in a list whatever its case, and never as a part', () => {
  expect(hasToken('keep-alive, Upgrade', 'upgrade')).toBe(true);
  expect(hasToken('a,\tclose ,b', 'close')).toBe(true);
  expect(hasToken('closed', 'close')).toBe(false);
  expect(hasToken('x-close', 'close')).toBe(false);
  expect(hasToken(undefined, 'close')).toBe(false);
});

describe('chunks', () => {
  function scan(text: string): string | undefined {
    const scanner = new BodyScanner('chunked');
    const content: Buffer[] = [];
    const bytes = Buffer.from(text, 'latin1');
    let used: number;
    try {
      used = scanner.scan(bytes, content);
    } catch (error) {
      expect(error).toBeInstanceOf(BadMessage);
      return undefined;
    }
    return scanner.complete ? `${Buffer.concat(content)}|${bytes.subarray(used)}` : '...';
  }

  test.each([
    ['0\r\n\r\n', '|'],
    ['5\r\nhello\r\n0\r\n\r\nGET', 'hello|GET'],
    ['0005\r\nhello\r\n000\r\n\r\n', 'hello|'],
    ['a\r\n0\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n', '0\r\n\r\n0\r\n\r\n|'],
    ['A;x=y;z="a b"\r\n0123456789\r\n0;last\r\n\r\n', '0123456789|'],
    ['1\r\na\r\n0\r\nx: y\r\nz: \r\n\r\n', 'a|'],
    ['5\r\nhello\r\n', '...'],
    ['5\r\nhello\r', '...'],
    ['0\r\n', '...'],
    ['0\r\nx: y\r\n', '...'],
  ])('%j is %j', (text, body) => expect(scan(text)).toBe(body));

  test.each([
    ['\r\n'],
    ['x\r\n'],
    ['5\n'],
    ['5\r\r\n'],
    [' 5\r\n'],
    ['5 \r\n'],
    ['+5\r\n'],
    ['-5\r\n'],
    ['0x5\r\n'],
    ['5,\r\n'],
    ['5_0\r\n'],
    ['5.0\r\n'],
    ['123456789\r\n'],
    ['5;a\nb\r\n'],
    ['5;a\rb\r\n'],
    ['5;a\0\r\n'],
    ['5;\r\n'],
    ['5;a="b\r\n'],
    [`5;${'a'.repeat(5000)}\r\n`],
    ['5\r\nhello\n'],
    ['5\r\nhelloX\r\n'],
    ['5\r\nhello0\r\n\r\n'],
    ['5\r\nhello\r\r\n'],
    ['5\r\nhello\r\n\r\n'],
    ['0\r\nx: y\n\r\n'],
    ['0\r\nx\r\n\r\n'],
    ['0\r\nx : y\r\n\r\n'],
    ['0\r\n x: y\r\n\r\n'],
    ['0\r\nx: y\0\r\n\r\n'],
    ['0\r\nx: a\rb\r\n\r\n'],
    ['0\r\nContent-Length: 5\r\n\r\n'],
    ['0\r\ntransfer-encoding: chunked\r\n\r\n'],
    ['0\r\nx: y\r\nConnection: close\r\n\r\n'],
    ['0\r\nhost: y\r\n\r\n'],
    ['0\r\nauthorization: Bearer a\r\n\r\n'],
    ['0\r\n\r\r\n\r\n'],
    [`0\r\n${`x: ${'a'.repeat(1000)}\r\n`.repeat(20)}\r\n`],
    ['0\r\n\n'],
  ])('%j is refused', (text) => expect(scan(text)).toBeUndefined());
});
