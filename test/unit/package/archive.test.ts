import { randomFillSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compressFrame,
  decompressFrame,
  FRAME_CONTENT,
  splitFrames,
} from '../../../src/package/archive/frames.ts';
import { readPackageTar } from '../../../src/package/archive/read.ts';
import { hashSegments, readSegments, segmentsSize } from '../../../src/package/archive/segments.ts';
import { comparePaths, tarSegments, tarSize } from '../../../src/package/archive/tar.ts';
import { sha256Hex } from '../../../src/package/hash.ts';

/** Cuts bytes into chunks of the given lengths, over and over. */
async function* cut(bytes: Buffer, lengths: readonly number[]): AsyncGenerator<Buffer> {
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const length = lengths[turn % lengths.length]!;
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const lengths = fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 6 });
const content = fc.oneof(
  fc.uint8Array({ maxLength: 3000 }),
  // What does not compress, what does, and what zstd writes as one repeated byte.
  fc.integer({ min: 0, max: 400_000 }).map((size) => randomFillSync(new Uint8Array(size))),
  fc.integer({ min: 0, max: 400_000 }).map((size) => Buffer.alloc(size, 'abcabcd')),
  fc.integer({ min: 0, max: 400_000 }).map((size) => Buffer.alloc(size)),
);

describe('frames', { timeout: 120_000 }, () => {
  it('come out of any cut as they went in', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(content, { minLength: 1, maxLength: 4 }), lengths, async (parts, cuts) => {
        const file = Buffer.concat(await Promise.all(parts.map(compressFrame)));
        const frames = await collect(splitFrames(cut(file, cuts)));
        expect(frames).toHaveLength(parts.length);
        for (const [index, frame] of frames.entries()) {
          expect(Buffer.compare(await decompressFrame(frame), Buffer.from(parts[index]!))).toBe(0);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('are the same bytes each time', async () => {
    const bytes = Buffer.alloc(FRAME_CONTENT, 'some text that is repeated; ');
    expect((await compressFrame(bytes)).equals(await compressFrame(bytes))).toBe(true);
  });
});

describe('tar', { timeout: 120_000 }, () => {
  const name = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,20}$/);
  const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));

  it('gives back every file, whatever frames and chunks cut it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.record({ path, bytes: fc.uint8Array({ maxLength: 2000 }) }), {
          selector: (file) => file.path,
          maxLength: 8,
        }),
        fc.integer({ min: 1, max: 5000 }),
        lengths,
        async (given, frameSize, cuts) => {
          const segments = tarSegments(
            given.map(({ path, bytes }) => ({ path, type: 'file', mode: 0o644, content: [bytes] })),
          );
          const tar = Buffer.concat(await collect(readSegments(segments)));
          expect(tar.length).toBe(segmentsSize(segments));
          const frames = await Promise.all((await collect(cut(tar, [frameSize]))).map(compressFrame));
          const read = new Map<string, Buffer[]>();
          let last: Buffer[] = [];
          for await (const event of readPackageTar(cut(Buffer.concat(frames), cuts))) {
            if (event.type === 'data') last.push(Buffer.from(event.bytes));
            else if (event.type === 'file') {
              last = [];
              read.set(event.path, last);
            }
          }
          expect([...read.keys()]).toEqual(given.map((file) => file.path).sort(comparePaths));
          for (const { path, bytes } of given) {
            expect(Buffer.concat(read.get(path)!).equals(Buffer.from(bytes))).toBe(true);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('leaves out the content that is not wanted, and only that', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ wanted: fc.boolean(), bytes: fc.uint8Array({ maxLength: 6000 }) }), {
          maxLength: 6,
        }),
        fc.integer({ min: 1, max: 3000 }),
        async (given, frameSize) => {
          const tar = Buffer.concat(
            await collect(
              readSegments(
                tarSegments(
                  given.map(({ bytes }, index) => ({
                    path: `f${index}`,
                    type: 'file',
                    mode: 0o644,
                    content: [bytes],
                  })),
                ),
              ),
            ),
          );
          const refused: { from: number; to: number }[] = [];
          let at = 0;
          for (const { wanted, bytes } of given) {
            if (!wanted) refused.push({ from: at + 512, to: at + 512 + bytes.length });
            at += tarSize(bytes.length);
          }
          const frames = await Promise.all((await collect(cut(tar, [frameSize]))).map(compressFrame));
          const skipped: number[] = [];
          const skip = (start: number, length: number) => {
            const inside = refused.some(({ from, to }) => from <= start && start + length <= to);
            if (inside) skipped.push(length);
            return inside;
          };
          const contents: Buffer[][] = [];
          const holes: number[] = [];
          for await (const event of readPackageTar(cut(Buffer.concat(frames), [1000]), { skip })) {
            if (event.type === 'file') contents.push([]);
            else if (event.type === 'data') contents.at(-1)!.push(Buffer.from(event.bytes));
            else holes.push(event.size);
          }
          expect(holes).toEqual(skipped);
          expect(contents).toHaveLength(given.length);
          for (const [index, { wanted, bytes }] of given.entries()) {
            if (wanted) expect(Buffer.concat(contents[index]!).equals(Buffer.from(bytes))).toBe(true);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('refuses to leave out anything but content', async () => {
    const tar = Buffer.concat(
      await collect(
        readSegments(tarSegments([{ path: 'a', type: 'file', mode: 0o644, content: [Buffer.alloc(600)] }])),
      ),
    );
    const frames = Buffer.concat(await Promise.all((await collect(cut(tar, [512]))).map(compressFrame)));
    for (const index of [0, 2]) {
      const skip = (at: number) => at === index * 512;
      await expect(collect(readPackageTar(cut(frames, [1000]), { skip }))).rejects.toMatchObject({
        code: 'E_PACKAGE_CORRUPT',
      });
    }
  });

  it('has neither times nor owners', async () => {
    const make = () => tarSegments([{ path: 'a', type: 'file', mode: 0o755, content: [Buffer.from('x')] }]);
    const tar = Buffer.concat(await collect(readSegments(make())));
    expect(await hashSegments(make())).toBe(sha256Hex(tar));
    // ustar: uid and gid at 108 and 116, mtime at 136.
    for (const [from, to] of [
      [108, 115],
      [116, 123],
      [136, 147],
    ]) {
      expect(tar.subarray(from, to).toString().replace(/[\0 ]/g, '')).toMatch(/^0*$/);
    }
  });

  it('takes names beyond 100 bytes', async () => {
    const path = `${'directory/'.repeat(12)}file`;
    const tar = Buffer.concat(
      await collect(readSegments(tarSegments([{ path, type: 'file', mode: 0o644, content: [] }]))),
    );
    const events = await collect(readPackageTar(cut(await compressFrame(tar), [1000])));
    expect(events[0]).toMatchObject({ type: 'file', path });
  });
});
