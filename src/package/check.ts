import { createHash } from 'node:crypto';
import type { EdgeadmError } from '../errors.ts';
import { corrupt } from './archive/frames.ts';
import { sha256Hex } from './hash.ts';
import { checkPath, hostile, MANIFEST, SIGNATURE } from './manifest.ts';
import type { InstallPackage, PackageEntry } from './types.ts';

/** Takes what is read of a package. */
export interface EntrySink {
  /** The manifest's own bytes, and those of its signature. */
  head(path: string, bytes: Uint8Array): Promise<void>;
  begin(entry: PackageEntry): Promise<void>;
  data(bytes: Uint8Array): Promise<void>;
  /** Called when the entry's size and SHA-256 were found right. */
  end(entry: PackageEntry): Promise<void>;
}

export interface WalkOptions {
  signal?: AbortSignal;
  /** Bytes of content that were read, and of all entries. */
  onProgress?: (done: number, total: number) => void;
  /** Entries that it refuses are neither hashed nor handed on. */
  filter?: (entry: PackageEntry) => boolean;
}

/** A file as it was found; an archive tells its mode too. */
interface Found {
  path: string;
  size: number;
  mode?: number;
}

/** Compares what comes with what the manifest says must come next. Errors: E_PACKAGE_CORRUPT, E_PACKAGE_HOSTILE. */
export class Checker {
  readonly #opened: InstallPackage;
  readonly #sink: EntrySink;
  readonly #options: WalkOptions;
  readonly #total: number;
  #done = 0;
  /** How many of manifest and signature came, and how many entries. */
  #heads = 0;
  #entries = 0;
  /** What is being read: an entry, the manifest or its signature, or (undefined) an entry that is passed over. */
  #current: { entry: PackageEntry; begun: boolean } | { head: string; bytes: Uint8Array[] } | undefined;
  #hash = createHash('sha256');

  constructor(opened: InstallPackage, sink: EntrySink, options: WalkOptions) {
    this.#opened = opened;
    this.#sink = sink;
    this.#options = options;
    this.#total = opened.manifest.entries.reduce((sum, { size }) => sum + size, 0);
  }

  begin(found: Found): void {
    this.#options.signal?.throwIfAborted();
    if (this.#entries === 0 && found.path === [MANIFEST, SIGNATURE][this.#heads]) {
      this.#heads++;
      this.#current = { head: found.path, bytes: [] };
      return;
    }
    if (this.#heads === 0) throw corrupt(`it does not begin with ${MANIFEST}`);
    const entry = this.#opened.manifest.entries[this.#entries];
    if (entry?.path !== found.path) throw this.#unexpected(found.path, entry);
    if (found.size !== entry.size) {
      throw corrupt(`${entry.path} is ${found.size} bytes long, its manifest says ${entry.size}`);
    }
    if (found.mode !== undefined && found.mode !== entry.mode) {
      throw corrupt(
        `${entry.path} has mode ${found.mode.toString(8)}, its manifest says ${entry.mode.toString(8)}`,
      );
    }
    this.#entries++;
    this.#current = this.#options.filter?.(entry) === false ? undefined : { entry, begun: false };
    this.#hash = createHash('sha256');
  }

  /** Leaves out the next entry, which the filter refuses. */
  passOver(entry: PackageEntry): void {
    this.#entries++;
    this.#progress(entry.size);
  }

  /** Content that was left out, of an entry that the filter refuses. */
  hole(size: number): void {
    if (this.#current !== undefined) throw corrupt('it was changed while it was read');
    this.#progress(size);
  }

  async data(bytes: Uint8Array, last: boolean): Promise<void> {
    const current = this.#current;
    if (current !== undefined && 'head' in current) {
      current.bytes.push(bytes);
      if (last) await this.#endHead(current.head, Buffer.concat(current.bytes));
      return;
    }
    this.#progress(bytes.length);
    if (current === undefined) return;
    if (!current.begun) await this.#sink.begin(current.entry);
    current.begun = true;
    const written = this.#sink.data(bytes);
    // Hashing here and writing on another thread go on at the same time.
    this.#hash.update(bytes);
    await written;
    if (!last) return;
    if (this.#hash.digest('hex') !== current.entry.sha256) {
      throw corrupt(`the SHA-256 of ${current.entry.path} is wrong`);
    }
    await this.#sink.end(current.entry);
  }

  finish(): void {
    const missing = this.#opened.manifest.entries[this.#entries];
    if (missing !== undefined) throw corrupt(`it lacks ${missing.path}`);
  }

  async #endHead(path: string, bytes: Buffer): Promise<void> {
    // The file may have been changed after it was opened.
    if (path === MANIFEST && sha256Hex(bytes) !== this.#opened.digest)
      throw corrupt('it was changed while it was read');
    await this.#sink.head(path, bytes);
  }

  #progress(bytes: number): void {
    this.#done += bytes;
    this.#options.onProgress?.(this.#done, this.#total);
  }

  #unexpected(path: string, expected: PackageEntry | undefined): EdgeadmError {
    checkPath(path);
    const index = this.#opened.manifest.entries.findIndex((entry) => entry.path === path);
    if (index === -1) return hostile(path, 'is not in the manifest');
    if (index < this.#entries) return hostile(path, 'is there twice');
    return corrupt(`it lacks ${expected!.path}`);
  }
}
