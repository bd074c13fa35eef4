import { setImmediate as nextTick } from 'node:timers/promises';
import { createGunzip, type Gunzip } from 'node:zlib';
import { Fill, memberType } from '../cache/collection.ts';
import { ItemSplitter } from '../wire/items.ts';
import type { ApiObject } from '../wire/object.ts';

export interface ParsedList {
  fill: Fill;
  version: unknown;
  type: { apiVersion: string; kind: string };
}

interface Envelope {
  apiVersion?: unknown;
  kind?: unknown;
  metadata?: { resourceVersion?: unknown; continue?: unknown };
}

/** Takes a List as bytes into a Fill, item by item. */
export class ListParser {
  private readonly fill: Fill;
  private readonly keepWhole: boolean;
  private envelope = '';
  private type: { apiVersion: string; kind: string } | undefined;
  private readonly splitter: ItemSplitter;

  /** `keepWhole` for objects that are looked at again when they are written. */
  constructor(limitBytes: number, keepWhole: boolean) {
    this.fill = new Fill(limitBytes);
    this.keepWhole = keepWhole;
    this.splitter = new ItemSplitter({
      envelope: (bytes) => {
        this.envelope += bytes.toString();
      },
      item: (bytes) => {
        this.type ??= this.typeBeforeItems();
        this.fill.add(JSON.parse(bytes.toString()) as ApiObject, this.type, this.keepWhole);
      },
    });
  }

  push(chunk: Buffer): void {
    this.splitter.push(chunk);
  }

  /** The list; undefined when it was cut short, is a page of a longer one, or too large. Throws for what is no JSON. */
  end(): ParsedList | undefined {
    if (!this.splitter.complete || !this.fill.fits) return undefined;
    const list = JSON.parse(this.envelope) as Envelope;
    if (list.metadata?.continue) return undefined;
    return { fill: this.fill, version: list.metadata?.resourceVersion, type: memberType(list) };
  }

  /** Typed lists begin with their kind; others have it in every item. */
  private typeBeforeItems(): { apiVersion: string; kind: string } {
    return memberType(JSON.parse(`${this.envelope}]}`) as object);
  }
}

const sliceMs = 4;
const heldBytes = 8 << 20;

/**
 * Second reader of an answer's bytes that stays out of the first one's way: bytes are put by and worked on when the
 * client has them all, in slices of a few milliseconds. Beyond 8 MiB they are worked on as they come.
 */
export class Tee {
  private readonly sink: (chunk: Buffer) => void;
  private readonly gunzip: Gunzip | undefined;
  private chunks: Buffer[] = [];
  private held = 0;
  private broken = false;

  constructor(encoding: string | undefined, sink: (chunk: Buffer) => void) {
    this.sink = (chunk) => {
      if (this.broken) return;
      try {
        sink(chunk);
      } catch {
        this.broken = true;
      }
    };
    if (encoding === 'gzip') {
      this.gunzip = createGunzip({ chunkSize: 64 << 10 });
      this.gunzip.on('data', (chunk: Buffer) => this.sink(chunk));
      this.gunzip.on('error', () => {
        this.broken = true;
      });
    } else if (encoding !== undefined && encoding !== 'identity') this.broken = true;
  }

  push(chunk: Buffer): void {
    if (this.broken) return;
    this.chunks.push(chunk);
    this.held += chunk.length;
    if (this.held > heldBytes) this.work(this.chunks.splice(0));
  }

  /** Works off the rest. False when the bytes were not what they should be. */
  async end(): Promise<boolean> {
    const { chunks } = this;
    this.chunks = [];
    let started = performance.now();
    for (const [index, chunk] of chunks.entries()) {
      if (this.broken) return false;
      this.work([chunk]);
      chunks[index] = Buffer.alloc(0);
      if (this.gunzip?.writableNeedDrain) await drained(this.gunzip);
      if (performance.now() - started > sliceMs) {
        await nextTick();
        started = performance.now();
      }
    }
    if (this.gunzip && !this.broken) await ended(this.gunzip);
    return !this.broken;
  }

  private work(chunks: Buffer[]): void {
    this.held = 0;
    for (const chunk of chunks) {
      if (this.gunzip) this.gunzip.write(chunk);
      else this.sink(chunk);
    }
  }
}

function drained(stream: Gunzip): Promise<void> {
  return new Promise((resolve) => {
    stream.once('drain', resolve);
    stream.once('error', () => resolve());
  });
}

function ended(stream: Gunzip): Promise<void> {
  return new Promise((resolve) => {
    stream.once('end', resolve);
    stream.once('error', () => resolve());
    stream.end();
  });
}
