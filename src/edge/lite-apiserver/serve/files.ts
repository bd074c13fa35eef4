import { readFileSync, statSync } from 'node:fs';

/**
 * Files that others rotate (certificates, keys, CAs). `refresh` is a few stat calls, cheap enough for every second; content
 * is read again only when a file was replaced. A file that is missing or half-written keeps the last good value.
 */
export class WatchedFiles<T> {
  private readonly files: readonly string[];
  private readonly parse: (contents: string[]) => T;
  private stamp = '';
  private current: T | undefined;
  /** Why the newest content could not be taken, for the status page. */
  problem: string | undefined;

  constructor(files: readonly string[], parse: (contents: string[]) => T) {
    this.files = files;
    this.parse = parse;
    this.refresh();
  }

  /** The last good value; undefined until there was one. */
  get value(): T | undefined {
    return this.current;
  }

  /** True when there is a new value. */
  refresh(): boolean {
    let stamp: string;
    try {
      stamp = this.files
        .map((file) => statSync(file))
        .map(({ ino, mtimeMs, ctimeMs, size }) => `${ino}:${mtimeMs}:${ctimeMs}:${size}`)
        .join();
    } catch (error) {
      this.problem = (error as Error).message;
      this.stamp = '';
      return false;
    }
    if (stamp === this.stamp) return false;
    try {
      this.current = this.parse(this.files.map((file) => readFileSync(file, 'utf8')));
      this.stamp = stamp;
      this.problem = undefined;
      return true;
    } catch (error) {
      this.problem = `${this.files[0]}: ${(error as Error).message}`;
      return false;
    }
  }
}
