import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { readConfig, toConfig } from '../../../../src/edge/lite-apiserver/config.ts';
import { ItemSplitter } from '../../../../src/edge/lite-apiserver/wire/items.ts';
import { eachLine, Lines } from '../../../../src/edge/lite-apiserver/wire/lines.ts';
import { compareVersions } from '../../../../src/edge/lite-apiserver/wire/object.ts';

vi.setConfig({ testTimeout: 60_000 });

function cut(bytes: Buffer, places: number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((start, index) => bytes.subarray(start, at[index] ?? bytes.length));
}

describe('lists', () => {
  test('come apart and together again at any cut', () => {
    const long = fc.string({ unit: fc.constantFrom('a', '\\', '"', 'é'), minLength: 30, maxLength: 300 });
    const item = fc.dictionary(fc.string({ maxLength: 4 }), fc.oneof(long, fc.jsonValue({ maxDepth: 3 })));
    fc.assert(
      fc.property(
        fc.array(item, { maxLength: 5 }),
        fc.dictionary(fc.string({ maxLength: 4 }), fc.jsonValue({ maxDepth: 2 })),
        fc.array(fc.nat(), { maxLength: 8 }),
        fc.boolean(),
        (items, rest, places, last) => {
          const { items: _, ...others } = rest;
          const list = last ? { ...others, items } : { items, ...others };
          const envelope: Buffer[] = [];
          const found: unknown[] = [];
          const splitter = new ItemSplitter({
            envelope: (bytes) => void envelope.push(bytes),
            item: (bytes) => void found.push(JSON.parse(bytes.toString())),
          });
          for (const chunk of cut(Buffer.from(`${JSON.stringify(list)}\n`), places)) splitter.push(chunk);
          expect(splitter.complete).toBe(true);
          expect(found).toEqual(JSON.parse(JSON.stringify(items)));
          expect(JSON.parse(Buffer.concat(envelope).toString())).toEqual(
            JSON.parse(JSON.stringify({ ...others, items: [] })),
          );
        },
      ),
    );
  });

  test.each([
    '{"items":null}',
    '{"items":[],"x":{"items":[1]}}',
    '{"x":{"items":[{"a":1}]}}',
    '{"kind":"items","metadata":{}}',
  ])('%s has no items', (text) => {
    const found: Buffer[] = [];
    const splitter = new ItemSplitter({ envelope: () => {}, item: (bytes) => void found.push(bytes) });
    splitter.push(Buffer.from(text));
    expect(found).toEqual([]);
    expect(splitter.complete).toBe(true);
  });

  test('one that is cut short is not complete', () => {
    const splitter = new ItemSplitter({ envelope: () => {}, item: () => {} });
    splitter.push(Buffer.from('{"kind":"PodList","items":[{"a":"}"},{"b":1'));
    expect(splitter.complete).toBe(false);
  });
});

test('lines come whole at any cut', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.string({ minLength: 1 }).map((text) => JSON.stringify(text)),
        { maxLength: 6 },
      ),
      fc.array(fc.nat(), { maxLength: 8 }),
      fc.string(),
      (texts, places, tail) => {
        const rest = JSON.stringify(tail);
        const lines = new Lines();
        const found: string[] = [];
        for (const chunk of cut(Buffer.from(texts.map((text) => `${text}\n`).join('') + rest), places)) {
          const block = lines.push(chunk);
          if (block.length > 0) expect(block.at(-1)).toBe(10);
          for (const line of eachLine(block)) found.push(line.toString());
        }
        expect(found).toEqual(texts);
        expect(lines.pending).toBe(Buffer.byteLength(rest));
      },
    ),
  );
});

test('versions are compared as numbers of any length', () => {
  const version = fc.bigInt({ min: 1n, max: 10n ** 30n });
  fc.assert(
    fc.property(
      version,
      version,
      (a, b) => Math.sign(compareVersions(String(a), String(b))) === (a < b ? -1 : a > b ? 1 : 0),
    ),
  );
});

describe('configuration', () => {
  const least = { nodeName: 'n', upstream: { servers: ['https://10.0.0.1:6443/'] } };

  test('defaults', () => {
    expect(toConfig(least)).toMatchObject({
      upstream: {
        servers: ['https://10.0.0.1:6443'],
        clientKeyFile: '/var/lib/kubelet/pki/kubelet-client-current.pem',
      },
      listen: [
        { host: '169.254.20.11', port: 51003 },
        { host: '127.0.0.1', port: 51003 },
      ],
      clientCaFile: '/etc/kubernetes/pki/ca.crt',
      filters: { kubernetesService: undefined },
    });
    expect(
      toConfig({ ...least, listen: { addresses: ['10.96.0.1:443', '[fd00::1]:443', '::1'], port: 1 } })
        .listen,
    ).toEqual([
      { host: '10.96.0.1', port: 443 },
      { host: 'fd00::1', port: 443 },
      { host: '::1', port: 1 },
    ]);
  });

  test.each([
    [{ ...least, nodName: 'x' }, /nodName does not exist/],
    [{ ...least, cache: { size: 1 } }, /cache.size does not exist/],
    [{ ...least, constructor: 1 }, /constructor does not exist/],
    [{ upstream: least.upstream }, /nodeName/],
    [{ ...least, nodeName: 'A/b' }, /nodeName/],
    [{ nodeName: 'n', upstream: { servers: ['http://10.0.0.1'] } }, /upstream.servers/],
    [{ nodeName: 'n' }, /upstream.servers/],
    [{ ...least, listen: { addresses: ['localhost'] } }, /listen.addresses/],
    [{ ...least, listen: { addresses: ['0.0.0.0:99999'] } }, /listen.addresses/],
    [{ ...least, cache: { flushIntervalMs: '2s' } }, /cache.flushIntervalMs/],
    [{ ...least, filters: { kubernetesService: { address: 'x' } } }, /filters.kubernetesService.address/],
    [{ ...least, filters: { kubernetesService: { port: 70000 } } }, /filters.kubernetesService.port/],
    [{ ...least, health: { port: 65536 } }, /health.port/],
    [{ ...least, link: { probeIntervalMs: 0 } }, /link.probeIntervalMs/],
    [{ ...least, link: { misses: 0 } }, /link.misses/],
    ['text', /the document/],
    [null, /the document/],
  ])('%j is refused', (document, message) => expect(() => toConfig(document)).toThrow(message));

  test('a file that is not there or is no YAML is an error that names it', async () => {
    await expect(readConfig('/nowhere/x.yaml')).rejects.toThrow(/\/nowhere\/x.yaml/);
    await expect(readConfig(import.meta.filename)).rejects.toThrow();
  });
});
