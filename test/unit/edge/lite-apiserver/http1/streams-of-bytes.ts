import fc from 'fast-check';
import { cut } from './ends.ts';

/** Streams of HTTP messages for property tests: well-formed ones, and what becomes of them. */

const field = fc.oneof(
  fc.constantFrom(
    ...['accept: */*', 'X-A:b', 'x-a: \t c, d\t ', 'x-empty:', 'x-latin: \xe9\xa0', 'x-colon: a:b:c'],
    ...[
      'connection: keep-alive',
      'Connection: x-a',
      'expect: 100-continue',
      'te: trailers',
      'Cookie: a=b; c="d"',
    ],
  ),
  fc
    .tuple(fc.stringMatching(/^x-[a-z!#$%&'*+.^_`|~0-9-]{1,8}$/), fc.stringMatching(/^[ -~]{0,20}$/))
    .map(([name, value]) => `${name}: ${value}`),
);

const content = fc.oneof(
  fc.string({ maxLength: 20 }).map((text) => Buffer.from(text).toString('latin1')),
  fc.constantFrom('\r\n\r\n', '0\r\n\r\n', 'GET / HTTP/1.1\r\nhost: y\r\n\r\n', '\n', 'x'.repeat(300)),
);
const extension = fc.constantFrom('', '', '', ';a', ';a=b', ';a="b c"', ';a;b=c', ';a="\\""');
const chunk = fc
  .record({ content, extension, pad: fc.constantFrom('', '0', '000'), upper: fc.boolean() })
  .map(({ content: text, extension: more, pad, upper }) => {
    const size = text.length.toString(16);
    return text === '' ? '' : `${pad}${upper ? size.toUpperCase() : size}${more}\r\n${text}\r\n`;
  });
const chunked = fc
  .record({
    chunks: fc.array(chunk, { maxLength: 4 }),
    last: fc.constantFrom('0', '0', '000', '0;end'),
    trailers: fc.array(fc.constantFrom('x-t: u', 'X-T:', 'x-sum: \xe9'), { maxLength: 2 }),
  })
  .map(({ chunks, last, trailers }) => `${chunks.join('')}${[last, ...trailers].join('\r\n')}\r\n\r\n`);

const body = fc.oneof(
  fc.constant({ line: undefined, bytes: '' }),
  fc
    .tuple(fc.constantFrom('content-length: ', 'Content-Length:', 'content-length: 00'), content)
    .map(([name, bytes]) => ({ line: `${name}${bytes.length}`, bytes })),
  fc
    .tuple(fc.constantFrom('transfer-encoding: chunked', 'Transfer-Encoding:Chunked'), chunked)
    .map(([line, bytes]) => ({ line, bytes })),
);

const message = (first: fc.Arbitrary<string>, needed: string[]) =>
  fc
    .record({ first, fields: fc.array(field, { maxLength: 4 }), place: fc.nat(5), body })
    .map(({ first: line, fields, place, body: { line: length, bytes } }) => {
      const lines = [...needed, ...fields];
      if (length) lines.splice(place, 0, length);
      return `${[line, ...lines].join('\r\n')}\r\n\r\n${bytes}`;
    });

const request = message(
  fc
    .tuple(
      fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'),
      fc.constantFrom('/', '/a/b?c=d&e', '/%20;x=y', '/a#b', '/"<>\\^`{|}', '//x:y@z/', '*'),
    )
    .map(([method, target]) => `${method} ${target} HTTP/1.1`),
  ['Host: x'],
);

/** Requests that follow each other on a connection, some of them alike; the last one may say that it is. */
export const requests = fc
  .tuple(
    fc.oneof(
      fc.array(request, { minLength: 1, maxLength: 3 }),
      fc.tuple(request, request).map(([one, other]) => [one, one, other]),
    ),
    fc.constantFrom('', '', 'Connection: close\r\n'),
  )
  .map(([all, close]) => {
    const last = all.pop() as string;
    all.push(last.replace('Host: x\r\n', `Host: x\r\n${close}`));
    return all;
  });

export const answers = message(
  fc.constantFrom(
    ...['HTTP/1.1 200 OK', 'HTTP/1.1 200', 'HTTP/1.1 200 ', 'HTTP/1.1 404 Not Found', 'HTTP/1.0 200 OK'],
    ...['HTTP/1.1 204 No Content', 'HTTP/1.1 304 Not Modified', 'HTTP/1.1 500 \xe9 (x)'],
    ...[
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created',
      'HTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 410 Gone',
    ],
  ),
  ['date: x'],
);

const special = fc.constantFrom(
  ...[
    '\r',
    '\n',
    '\r\n',
    ' ',
    '\t',
    ':',
    '\0',
    ',',
    ';',
    '=',
    '"',
    '0',
    '1',
    'a',
    '-',
    '+',
    '\v',
    '\f',
    '\x7f',
  ],
  ...['\x80', '\xa0', '\xff', '\r\n\r\n', '\n\n', '\r\r\n', '0\r\n\r\n', '5\r\n', 'chunked', 'identity, '],
  ...[
    'content-length: 3\r\n',
    'Content-Length:0\r\n',
    'transfer-encoding: chunked\r\n',
    'Transfer-Encoding: x\r\n',
  ],
  ...[
    'connection: close\r\n',
    'connection: upgrade\r\nupgrade: x\r\n',
    'Host: z\r\n',
    ' folded\r\n',
    'HTTP/1.1',
  ],
);
/** How far into the text; `fc.double` would nearly always be at its start. */
const place = fc.nat(9999).map((part) => part / 10_000);
type Change = (text: string) => string;
const at = (text: string, where: number) => Math.floor(where * (text.length + 1));
/** The start of a line, where a change is most likely to mean something. */
const lineAt = (text: string, where: number) => text.lastIndexOf('\n', at(text, where)) + 1;
const lineEnd = (text: string, start: number) => text.indexOf('\n', start) + 1 || text.length;

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.tuple(place, special).map(
    ([where, what]): Change =>
      (text) => {
        const index = at(text, where);
        return text.slice(0, index) + what + text.slice(index);
      },
  ),
  fc.tuple(place, special).map(
    ([where, what]): Change =>
      (text) => {
        const index = lineAt(text, where);
        return text.slice(0, index) + what + text.slice(index);
      },
  ),
  fc.tuple(place, special).map(
    ([where, what]): Change =>
      (text) => {
        const index = lineEnd(text, lineAt(text, where)) - 2;
        return index < 0 ? text : text.slice(0, index) + what + text.slice(index);
      },
  ),
  fc.tuple(place, special).map(
    ([where, what]): Change =>
      (text) => {
        const index = at(text, where);
        return text.slice(0, index) + what + text.slice(index + what.length);
      },
  ),
  fc.tuple(place, fc.nat(255)).map(
    ([where, byte]): Change =>
      (text) => {
        const index = at(text, where);
        return text.slice(0, index) + String.fromCharCode(byte) + text.slice(index + 1);
      },
  ),
  fc.tuple(place, fc.integer({ min: 1, max: 3 })).map(
    ([where, count]): Change =>
      (text) => {
        const index = at(text, where);
        return text.slice(0, index) + text.slice(index + count);
      },
  ),
  fc.tuple(place, place).map(
    ([from, to]): Change =>
      (text) => {
        const start = lineAt(text, from);
        const line = text.slice(start, lineEnd(text, start));
        const index = lineAt(text, to);
        return text.slice(0, index) + line + text.slice(index);
      },
  ),
);

/** The same bytes with some of them changed. */
export const changed = (texts: fc.Arbitrary<string>) =>
  fc
    .tuple(texts, fc.array(change, { minLength: 1, maxLength: 2 }))
    .map(([text, changes]) => changes.reduce((current, one) => one(current), text));

/** In blocks as they may come from a socket. */
export const inBlocks = (texts: fc.Arbitrary<string>) =>
  fc
    .tuple(texts, fc.array(fc.nat(), { maxLength: 4 }))
    .map(([text, places]) => cut(Buffer.from(text, 'latin1'), places));
