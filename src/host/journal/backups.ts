import { createHash } from 'node:crypto';
import type { PathLike } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { refusing } from '../errors.ts';
import { replaceFile, syncDirectory } from '../files/replace.ts';
import { hashFile } from '../files/state.ts';

/** Previous contents, one file each, named by their SHA-256; mode 0600 in a directory of mode 0700. */
export class Backups {
  readonly #shown: string;
  readonly #real: string;
  #ready = false;

  constructor(place: { shown: string; real: string }) {
    this.#shown = place.shown;
    this.#real = place.real;
  }

  /** Where a content is kept, as users know the path. */
  shown(sha256: string): string {
    return path.join(this.#shown, sha256);
  }

  real(sha256: string): string {
    return path.join(this.#real, sha256);
  }

  /** Keeps a copy of a file, on the disk when it returns. Gives the SHA-256 of what was copied. */
  async keepFile(real: PathLike, sha256: string, size: number): Promise<void> {
    if (await this.has(sha256, size)) return;
    await this.#put(sha256, size, { copy: real });
  }

  async keepBytes(bytes: Uint8Array): Promise<string> {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    if (!(await this.has(sha256, bytes.length))) await this.#put(sha256, bytes.length, { bytes });
    return sha256;
  }

  async keepJson(value: unknown): Promise<string> {
    const { gzip } = await import('node:zlib');
    return this.keepBytes(await promisify(gzip)(JSON.stringify(value)));
  }

  async readJson<T>(sha256: string): Promise<T> {
    const { gunzip } = await import('node:zlib');
    return JSON.parse((await promisify(gunzip)(await fs.readFile(this.real(sha256)))).toString('utf8')) as T;
  }

  /** True when the copy is there and whole, as far as its size says. */
  async has(sha256: string, size?: number): Promise<boolean> {
    const facts = await fs.lstat(this.real(sha256)).catch(() => undefined);
    return facts?.isFile() === true && (size === undefined || facts.size === size);
  }

  /** True when the copy still has the bytes that it is named by. */
  async whole(sha256: string): Promise<boolean> {
    return (await hashFile(this.real(sha256)).catch(() => undefined)) === sha256;
  }

  async #put(
    sha256: string,
    bytes: number,
    source: { copy: PathLike } | { bytes: Uint8Array },
  ): Promise<void> {
    await refusing(
      { path: this.shown(sha256), real: this.real(sha256), action: 'write', bytes },
      async () => {
        if (!this.#ready) {
          const created = await fs.mkdir(this.#real, { recursive: true, mode: 0o700 });
          if (created !== undefined) await syncDirectory(path.dirname(created));
          this.#ready = true;
        }
        await replaceFile(this.real(sha256), source, { mode: 0o600 });
      },
    );
  }
}
