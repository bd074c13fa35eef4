import { once } from 'node:events';
import http from 'node:http';
import type { Duplex } from 'node:stream';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { ClientConnection } from '../../../../../src/edge/lite-apiserver/http1/client-connection.ts';
import { ServerConnection } from '../../../../../src/edge/lite-apiserver/http1/server-connection.ts';
import { type Body, collect, ends, fields, turn } from './ends.ts';
import { answers, changed, inBlocks, requests } from './streams-of-bytes.ts';

vi.setConfig({ testTimeout: 60_000 });

/** A message as somebody has read it. */
interface Message {
  /** Method and target, or status and reason. */
  line: string;
  fields: [string, string][];
  body: string;
  whole: boolean;
  upgrade?: boolean;
}

interface Reading {
  messages: Message[];
  /** Why nothing more is read. */
  refused?: string | undefined;
  /** What came is read to its end, with nothing left over. */
  exact?: boolean;
}

/** Sends the blocks, ends, and waits for the end of the other side. */
async function feed(far: Duplex, blocks: readonly Buffer[]): Promise<string> {
  let text = '';
  far.on('data', (block) => {
    text += block.toString('latin1');
  });
  const over = new Promise((resolve) => far.on('end', resolve).on('close', resolve));
  for (const block of blocks)
    if (block.length > 0) await Promise.race([new Promise((resolve) => far.write(block, resolve)), over]);
  far.end();
  await over;
  await turn();
  far.destroy();
  return text;
}

async function ourServer(blocks: readonly Buffer[]): Promise<Reading> {
  const { near, far } = ends();
  const taken: { message: Message; body?: Body }[] = [];
  let exact = false;
  const connection = new ServerConnection(near, {
    request(request, response) {
      const message = { line: `${request.method} ${request.url}`, fields: fields(request.headers) };
      const one: (typeof taken)[0] = { message: { ...message, body: '', whole: false } };
      taken.push(one);
      one.body = collect(request, ({ error }) => {
        if (error) return;
        response.writeHead(200, ['content-length', '0']);
        response.end();
      });
    },
    upgrade({ method, url, headers }) {
      const message = { line: `${method} ${url}`, fields: fields(headers), body: '', whole: false };
      taken.push({ message: { ...message, upgrade: true } });
      near.destroy();
    },
  });
  near.once('end', () => {
    exact = connection.idle;
  });
  const text = await feed(far, blocks);
  const messages = taken.map(({ message, body }) => ({
    ...message,
    body: body?.content ?? '',
    whole: body?.over === true && !body.error,
  }));
  return { messages, exact, refused: /^HTTP\/1.1 [45].*/m.exec(text)?.[0] };
}

function nodeServer(): (blocks: readonly Buffer[]) => Promise<Reading> {
  interface Current {
    taken: { message: Message; request: http.IncomingMessage }[];
    refused?: string;
  }
  const currents = new Map<Duplex, Current>();
  const read = (request: http.IncomingMessage): Message => {
    const line = `${request.method} ${request.url}`;
    const message = { line, fields: fields(request.rawHeaders), body: '', whole: false };
    currents.get(request.socket)?.taken.push({ message, request });
    request.on('error', () => {});
    return message;
  };
  const handle = (request: http.IncomingMessage, response: http.ServerResponse) => {
    const message = read(request);
    request.on('data', (block) => {
      message.body += block.toString('latin1');
    });
    request.on('end', () => response.end());
  };
  const handOver = (request: http.IncomingMessage, socket: Duplex) => {
    read(request).upgrade = true;
    socket.destroy();
  };
  const server = http.createServer({ maxHeaderSize: 1 << 17 }, handle);
  server.on('checkContinue', (request, response) => {
    response.writeContinue();
    handle(request, response);
  });
  server.on('checkExpectation', handle);
  server.on('upgrade', handOver);
  server.on('connect', handOver);
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const current = currents.get(socket);
    if (current) current.refused ??= error.code ?? error.message;
    // What came before in the same block is handed over only now.
    setImmediate(() => socket.destroy());
  });
  return async (blocks) => {
    const { near, far } = ends();
    const current: Current = { taken: [] };
    currents.set(near, current);
    server.emit('connection', near);
    await feed(far, blocks);
    currents.delete(near);
    const messages = current.taken.map(({ message, request }) => ({ ...message, whole: request.complete }));
    return { messages, refused: current.refused };
  };
}

/** Where Node reads less than we do, or does with it what is not ours to do. Nothing more is compared after it. */
function isElsewhere({ line, upgrade }: Message, node: Message | undefined): boolean {
  const [method, target] = line.split(' ') as [string, string];
  // Node knows a list of methods, we pass on what the API server may know.
  if (!http.METHODS.includes(method)) return true;
  // Node ends HTTP with CONNECT; here it is a method like others, which no API server has.
  if (method === 'CONNECT') return true;
  // Targets other than a path get their 400 of the handler.
  if (!target.startsWith('/') && target !== '*') return true;
  // An upgrade with a body: Node hands over, here it is a request like others.
  return node?.upgrade === true && !upgrade;
}

function compareRequests(ours: Reading, node: Reading): void {
  for (const [index, message] of ours.messages.entries()) {
    const other = node.messages[index];
    if (isElsewhere(message, other)) return;
    const { line, upgrade } = message;
    expect(other).toMatchObject({ line, fields: message.fields, ...(upgrade && { upgrade }) });
    if (upgrade) return;
    if (message.whole) expect(other).toMatchObject({ body: message.body, whole: true });
    else expect(other?.body.startsWith(message.body)).toBe(true);
  }
  if (ours.refused) return;
  expect(node.messages.length).toBe(ours.messages.length);
  // After "connection: close" Node calls more bytes an error, we throw them away.
  if (ours.exact && node.refused !== 'HPE_CLOSED_CONNECTION') expect(node.refused).toBeUndefined();
}

const textOf = (blocks: readonly Buffer[]) => Buffer.concat(blocks).toString('latin1');

/** RFC 9110 section 2.5: a minor version that is higher is read as the highest that is known; Node refuses it. */
const isHigherMinor = (blocks: readonly Buffer[]) => / HTTP\/1\.[2-9]\r\n/.test(textOf(blocks));

/** RFC 9110 section 5.6.3: a tab is a blank; Node takes it for a part of the values that it reads itself. */
const hasTab = (blocks: readonly Buffer[]) =>
  /^(?:connection|transfer-encoding|content-length|upgrade|expect):[^\r\n]*\t/im.test(textOf(blocks));

test('well-formed requests are read as Node reads them', async () => {
  const node = nodeServer();
  const stream = requests.chain((all) =>
    inBlocks(fc.constant(all.join(''))).map((blocks) => ({ count: all.length, blocks })),
  );
  await fc.assert(
    fc.asyncProperty(stream, async ({ count, blocks }) => {
      const reading = await ourServer(blocks);
      expect(reading.refused).toBeUndefined();
      expect(reading.messages.map(({ whole }) => whole)).toEqual(Array(count).fill(true));
      compareRequests(reading, await node(blocks));
    }),
    { numRuns: 300 },
  );
});

test('whatever bytes are taken for requests, Node takes for the same ones', async () => {
  const node = nodeServer();
  let taken = 0;
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(inBlocks(changed(requests.map((all) => all.join('')))), async (blocks) => {
      fc.pre(!isHigherMinor(blocks) && !hasTab(blocks));
      const reading = await ourServer(blocks);
      if (reading.refused) refused++;
      else taken++;
      compareRequests(reading, await node(blocks));
    }),
    { numRuns: 1500 },
  );
  expect(taken).toBeGreaterThan(100);
  expect(refused).toBeGreaterThan(100);
});

async function ourClient(method: string, blocks: readonly Buffer[]): Promise<Reading> {
  const { near, far } = ends();
  const connection = new ClientConnection(near, { onBytes() {}, onFree() {} });
  const reading: Reading = { messages: [] };
  let body: Body | undefined;
  const { answer } = connection.send({ method, path: '/', host: 'x', headers: [] });
  answer.then(
    (taken) => {
      const line = `${taken.status} ${taken.message}`;
      reading.messages.push({ line, fields: fields(taken.headers), body: '', whole: false });
      body = collect(taken);
      if (taken.upgraded) near.destroy();
    },
    (error) => {
      reading.refused = String(error);
    },
  );
  await feed(far, blocks);
  for (const message of reading.messages)
    Object.assign(message, { body: body?.content, whole: body?.over && !body.error });
  return reading;
}

async function nodeClient(method: string, blocks: readonly Buffer[]): Promise<Reading> {
  const { near, far } = ends();
  const reading: Reading = { messages: [] };
  const request = http.request({
    method,
    createConnection: () => near,
    maxHeaderSize: 1 << 17,
  });
  const take = (answer: http.IncomingMessage): Message => {
    const line = `${answer.statusCode} ${answer.statusMessage}`;
    const message = { line, fields: fields(answer.rawHeaders), body: '', whole: false };
    reading.messages.push(message);
    answer.on('error', () => {});
    return message;
  };
  request.on('error', (error) => {
    reading.refused = String(error);
  });
  request.on('upgrade', (answer, socket) => {
    take(answer);
    socket.destroy();
  });
  request.on('response', (answer) => {
    const message = take(answer);
    answer.on('data', (block) => {
      message.body += block.toString('latin1');
    });
    answer.on('end', () => {
      message.whole = answer.complete;
    });
  });
  request.end();
  await once(far, 'data');
  await feed(far, blocks);
  return reading;
}

function compareAnswers([ours]: Message[], [node]: Message[]): void {
  if (!ours) return;
  // An answer 101 has no body of HTTP; what follows is of another protocol.
  if (ours.line.startsWith('101 ')) return;
  expect(node).toMatchObject({ line: ours.line, fields: ours.fields });
  if (ours.whole) expect(node).toMatchObject({ body: ours.body, whole: true });
  else expect(node?.body.startsWith(ours.body)).toBe(true);
}

/** Node takes nothing after an interim answer that says that the connection closes; the final one is what says so. */
const closesEarly = (blocks: readonly Buffer[]) =>
  /^(?:HTTP\/1\.1 1(?:.+\r\n)+\r\n)*HTTP\/1\.(?:0 1|1 1.*\r\n(?:.+\r\n)*connection:[^\r]*close)/i.test(
    textOf(blocks),
  );

const asked = fc.constantFrom('GET', 'GET', 'GET', 'HEAD');

test('well-formed answers are read as Node reads them', async () => {
  await fc.assert(
    fc.asyncProperty(inBlocks(answers), async (blocks) => {
      const ours = await ourClient('GET', blocks);
      const [answer] = ours.messages;
      // A status that allows no body, and one nevertheless.
      if (ours.refused === undefined) expect(answer?.whole).toBe(true);
      else expect(textOf(blocks)).toMatch(/^HTTP\/1.1 (204|304)/);
      compareAnswers(ours.messages, (await nodeClient('GET', blocks)).messages);
    }),
    { numRuns: 300 },
  );
});

test('whatever bytes are taken for an answer, Node takes for the same one', async () => {
  let taken = 0;
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(asked, inBlocks(changed(answers)), async (method, blocks) => {
      fc.pre(!closesEarly(blocks) && !hasTab(blocks));
      const ours = await ourClient(method, blocks);
      if (ours.refused) refused++;
      else taken++;
      compareAnswers(ours.messages, (await nodeClient(method, blocks)).messages);
    }),
    { numRuns: 1500 },
  );
  expect(taken).toBeGreaterThan(100);
  expect(refused).toBeGreaterThan(100);
});
