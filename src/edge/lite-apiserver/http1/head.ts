/**
 * Heads of HTTP/1.1 messages (RFC 9112), read strictly: what the RFC merely lets a recipient tolerate (bare LF, folded
 * lines, blanks before a colon, doubtful lengths) is refused, so that nobody behind the proxy reads it differently.
 */

/** Names, in lower case, and values in turn, as they stand in the message. */
export type HeaderList = string[];

/** How a body ends: after so many bytes, with its last chunk, or with the connection. */
export type BodyLength = number | 'chunked' | 'close';

export interface RequestHead {
  method: string;
  target: string;
  headers: HeaderList;
  length: BodyLength;
  /** The fields as they stand in the message. */
  fields: string;
}

export interface AnswerHead {
  status: number;
  message: string;
  headers: HeaderList;
  length: BodyLength;
  /** Whether another request may follow on the connection. */
  keepAlive: boolean;
}

/** A message that is not HTTP as it should be; `status` is what a server answers to it. */
export class BadMessage extends Error {
  readonly code = 'EBADMESSAGE';
  readonly status: number;
  constructor(message: string, status = 400) {
    super(message);
    this.name = 'BadMessage';
    this.status = status;
  }
}

const headEnd = '\r\n\r\n';
const firstLookBytes = 2048;

/** The head at the start of these bytes, as the functions below take it; `size` with the empty line. Undefined: not whole yet. */
export function findHead(bytes: Buffer): { text: string; size: number } | undefined {
  for (let look = firstLookBytes; ; look *= 8) {
    const text = bytes.toString('latin1', 0, look);
    const end = text.indexOf(headEnd);
    if (end >= 0) return { text: text.slice(0, end + 2), size: end + headEnd.length };
    if (look >= bytes.length) return undefined;
  }
}

/** Source of a regular expression for a token (RFC 9110 section 5.6.2). */
export const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const requestLine = new RegExp(`(${token}) ([\\x21-\\x7e]+) HTTP/1\\.([0-9])\\r\\n`, 'y');
const statusLine = /HTTP\/1\.([01]) ([1-5][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*))?\r\n/y;
/** The blanks around the value are left to `trimmed`: two parts that both take blanks would need a square of them to fail. */
const fieldLine = new RegExp(`(${token}):([\\t\\x20-\\x7e\\x80-\\xff]*)\\r\\n`, 'y');
/** Some of what is done with fields takes the square of their number. */
const maxFields = 500;
/** A second one would leave open which of them counts. */
const single = ['host', 'authorization'];

/**
 * `text` is the head in Latin-1 with the line end of its last field, without the empty line. `last` is the one before on
 * the same connection: a client nearly always sends the same fields again. Throws BadMessage.
 */
export function parseRequestHead(text: string, last?: RequestHead): RequestHead {
  requestLine.lastIndex = 0;
  const match = requestLine.exec(text);
  if (!match) {
    const other = / HTTP\/[0-9.]+\r\n/.test(text) && !/ HTTP\/1\.[0-9]\r\n/.test(text);
    throw other ? onlyHttp11() : new BadMessage('the request line is malformed');
  }
  if (match[3] === '0') throw onlyHttp11();
  const [, method = '', target = ''] = match;
  if (method === 'CONNECT') throw new BadMessage('CONNECT is not served here', 405);
  const fields = text.slice(requestLine.lastIndex);
  if (last?.fields === fields) return { ...last, method, target };
  const headers = parseFields(text, requestLine.lastIndex);
  for (const name of single) {
    if (countOf(headers, name) > 1) throw new BadMessage(`the header ${name} is there twice`);
  }
  if (fieldOf(headers, 'host') === undefined) throw new BadMessage('the header host is missing');
  return { method, target, headers, length: lengthOf(headers) ?? 0, fields };
}

/** As `parseRequestHead`; `method` is that of the request. */
export function parseAnswerHead(text: string, method: string): AnswerHead {
  statusLine.lastIndex = 0;
  const match = statusLine.exec(text);
  if (!match) throw new BadMessage('the status line is malformed');
  const headers = parseFields(text, statusLine.lastIndex);
  const status = Number(match[2]);
  const bodiless = method === 'HEAD' || status < 200 || status === 204 || status === 304;
  const told = lengthOf(headers) ?? 'close';
  const length = bodiless ? 0 : told;
  const closes = match[1] === '0' || hasToken(listOf(headers, 'connection'), 'close');
  return { status, message: match[3] ?? '', headers, length, keepAlive: !closes && length !== 'close' };
}

/** The value of a field; the first when it is there more than once. `name` in lower case. */
export function fieldOf(headers: HeaderList, name: string): string | undefined {
  for (let index = 0; index < headers.length; index += 2)
    if (headers[index] === name) return headers[index + 1];
  return undefined;
}

/** The value of a field that is a list: those of all its lines. */
export function listOf(headers: HeaderList, name: string): string | undefined {
  let value: string | undefined;
  for (let index = 0; index < headers.length; index += 2)
    if (headers[index] === name)
      value = value === undefined ? headers[index + 1] : `${value},${headers[index + 1]}`;
  return value;
}

/** Whether a comma-separated field has this token, in lower case. */
export function hasToken(value: string | undefined, wanted: string): boolean {
  return value?.split(',').some((one) => trimmed(one).toLowerCase() === wanted) ?? false;
}

function parseFields(text: string, from: number): HeaderList {
  const headers: HeaderList = [];
  let at = from;
  while (at < text.length) {
    fieldLine.lastIndex = at;
    const match = fieldLine.exec(text);
    if (!match) throw new BadMessage('a header field is malformed');
    headers.push(match[1]!.toLowerCase(), trimmed(match[2]!));
    if (headers.length > 2 * maxFields) throw new BadMessage('there are too many header fields', 431);
    at = fieldLine.lastIndex;
  }
  return headers;
}

/** RFC 9112 section 6.3; undefined when neither length nor coding is given. */
function lengthOf(headers: HeaderList): number | 'chunked' | undefined {
  let length: string | undefined;
  let coding: string | undefined;
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index];
    const value = headers[index + 1]!;
    if (name === 'content-length') {
      if (length !== undefined) throw new BadMessage('there are two lengths of the body');
      length = value;
    } else if (name === 'transfer-encoding') {
      coding = coding === undefined ? value : `${coding}, ${value}`;
    }
  }
  if (coding !== undefined) {
    if (length !== undefined) throw new BadMessage('the body has a length and a transfer coding');
    if (coding.toLowerCase() !== 'chunked')
      throw new BadMessage('of transfer codings only chunked is understood', 501);
    return 'chunked';
  }
  if (length === undefined) return undefined;
  if (!/^[0-9]{1,15}$/.test(length)) throw new BadMessage('the length of the body is no number');
  return Number(length);
}

/** Without blanks and tabs around it; `trim` would take more. */
function trimmed(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isBlank(value.charCodeAt(start))) start++;
  while (end > start && isBlank(value.charCodeAt(end - 1))) end--;
  return end - start === value.length ? value : value.slice(start, end);
}

const isBlank = (code: number): boolean => code === 32 || code === 9;

function countOf(headers: HeaderList, name: string): number {
  let count = 0;
  for (let index = 0; index < headers.length; index += 2) if (headers[index] === name) count++;
  return count;
}

const onlyHttp11 = () => new BadMessage('only HTTP/1.1 is spoken here', 505);
