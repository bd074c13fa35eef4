import { constants } from 'node:fs';
import fs, { type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { EdgeadmError } from '../../errors.ts';
import { errno, refusing } from '../errors.ts';
import { syncDirectory } from '../files/replace.ts';
import { readJournal } from './read.ts';
import { formatRecord, type JournalRecord, journalVersion, type Kind, type NewRecord } from './records.ts';

/** All that the journal says about one resource. */
export interface Entry {
  key: string;
  kind: Kind;
  /** State before edgeadm touched it first. */
  before: unknown;
  /** State that the latest change makes. */
  after: unknown;
  /** Every `after` so far: whichever of them is found later is edgeadm's own work. */
  afters: unknown[];
  done: boolean;
}

export interface JournalPlace {
  /** Path as users know it, for messages. */
  shown: string;
  /** Path of the journal file. */
  real: string;
}

/**
 * The append-only record of changes. An intent is on the disk before `intend` returns; a `done` line may be lost in a
 * power cut, which only repeats an idempotent step. The file and its directory are made with the first line.
 * Errors: E_JOURNAL (damaged, not readable), E_HOST_WRITE (full disk and the like).
 */
export class Journal {
  readonly run: string;
  readonly #place: JournalPlace;
  readonly #command: string;
  readonly #entries = new Map<string, Entry>();
  readonly #touched = new Set<string>();
  readonly #facts = new Map<string, unknown>();
  #openRuns = new Set<string>();
  #length: number;
  #torn: boolean;
  #seq = 0;
  #handle: FileHandle | undefined;
  #announced = false;
  /** There was no journal before this run. */
  #began = false;
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(place: JournalPlace, run: string, command: string, length: number, torn: boolean) {
    this.#place = place;
    this.run = run;
    this.#command = command;
    this.#length = length;
    this.#torn = torn;
  }

  /** Reads what earlier runs left; writes nothing yet. `run` is the identity of this run. */
  static async open(place: JournalPlace, run: string, command: string): Promise<Journal> {
    const { records, length, torn } = await readJournal(place.real, place.shown);
    const journal = new Journal(place, run, command, length, torn);
    for (const record of records) journal.#replay(record);
    return journal;
  }

  /** Earlier runs that neither ended by themselves nor were cleaned up after. */
  get deadRuns(): string[] {
    return [...this.#openRuns].filter((run) => run !== this.run);
  }

  /** Entries not undone yet, in the order of first touch. */
  get entries(): Entry[] {
    return [...this.#entries.values()];
  }

  entry(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** True when this journal ever had an entry whose key starts so, undone ones included. */
  everTouched(prefix: string): boolean {
    for (const key of this.#touched) if (key.startsWith(prefix)) return true;
    return false;
  }

  /** This run made the file, or tried to, and it holds nothing to undo. */
  get isEmpty(): boolean {
    return this.#began && this.#entries.size === 0;
  }

  fact(key: string): unknown {
    return this.#facts.get(key);
  }

  /** Records, on the disk, what is about to be done. `before` is kept at the first touch of a key only. */
  async intend(intent: { kind: Kind; key: string; before: unknown; after: unknown }): Promise<void> {
    const { before, ...rest } = intent;
    const known = this.#entries.has(intent.key);
    await this.#append({ op: 'intent', ...(known ? rest : { ...rest, before }) }, (handle) =>
      handle.datasync(),
    );
  }

  /** A mark that the disk has no room for only repeats an idempotent step; the next intent says that it is full. */
  async done(key: string): Promise<void> {
    await this.#append({ op: 'done', key }).catch(() => {
      const entry = this.#entries.get(key);
      if (entry) entry.done = true;
    });
  }

  /** As with `done`: a full disk must not stop a reset. */
  async undone(key: string): Promise<void> {
    await this.#append({ op: 'undone', key }).catch(() => this.#entries.delete(key));
  }

  async remember(key: string, value: unknown): Promise<void> {
    await this.#append({ op: 'fact', key, value }, (handle) => handle.sync());
  }

  /**
   * Marks runs as ended: dead ones after the clean-up, and this one when it wrote anything. Without the mark a later
   * run looks for orphans once more, so a disk that takes no more is no reason to fail.
   */
  async end(runs: readonly string[] = this.#announced ? [this.run] : []): Promise<void> {
    for (const of of runs) if (this.#openRuns.has(of)) await this.#append({ op: 'end', of }).catch(() => {});
  }

  async close(): Promise<void> {
    await this.#queue.catch(() => {});
    await this.#handle?.close();
    this.#handle = undefined;
  }

  #replay(record: JournalRecord): void {
    this.#seq = record.seq;
    switch (record.op) {
      case 'run':
        this.#openRuns.add(record.run);
        break;
      case 'end':
        this.#openRuns.delete(record.of);
        break;
      case 'fact':
        this.#facts.set(record.key, record.value);
        break;
      case 'done': {
        const entry = this.#entries.get(record.key);
        if (entry) entry.done = true;
        break;
      }
      case 'undone':
        this.#entries.delete(record.key);
        break;
      case 'intent': {
        const { key, kind, after } = record;
        this.#touched.add(key);
        const entry = this.#entries.get(key);
        if (entry) {
          entry.after = after;
          entry.afters.push(after);
          entry.done = false;
        } else {
          this.#entries.set(key, { key, kind, before: record.before, after, afters: [after], done: false });
        }
      }
    }
  }

  /** One line at a time; a line that could not be written whole leaves no trace. */
  #append(record: NewRecord, sync?: (handle: FileHandle) => Promise<void>): Promise<void> {
    const write = async (): Promise<void> => {
      const handle = await this.#open();
      const records: JournalRecord[] = [];
      const line = (fields: NewRecord): void => {
        const time = new Date().toISOString();
        records.push({
          seq: this.#seq + records.length + 1,
          run: this.run,
          time,
          ...fields,
        } as JournalRecord);
      };
      if (!this.#announced)
        line({ op: 'run', version: journalVersion, command: this.#command, pid: process.pid });
      line(record);
      const bytes = Buffer.from(records.map(formatRecord).join(''));
      try {
        await writeAll(handle, bytes, this.#length);
        await sync?.(handle);
      } catch (error) {
        await handle.truncate(this.#length).catch(() => {});
        throw error;
      }
      this.#length += bytes.length;
      this.#announced = true;
      for (const written of records) this.#replay(written);
    };
    const { shown, real } = this.#place;
    const result = this.#queue.then(() => refusing({ path: shown, real, action: 'write' }, write));
    this.#queue = result.catch(() => {});
    return result;
  }

  async #open(): Promise<FileHandle> {
    if (this.#handle) return this.#handle;
    const { real, shown } = this.#place;
    const directory = path.dirname(real);
    this.#began = this.#length === 0;
    const created = await fs.mkdir(directory, { recursive: true, mode: 0o700 });
    await fs.chmod(directory, 0o700);
    let handle: FileHandle;
    try {
      handle = await fs.open(real, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    } catch (error) {
      if (errno(error) !== 'ELOOP') throw error;
      this.#began = false;
      throw new EdgeadmError('E_JOURNAL', `the journal ${shown} is a symbolic link`, {
        hint: 'edgeadm makes no such link: find out who did, and remove it.',
      });
    }
    if (this.#torn) await handle.truncate(this.#length);
    this.#torn = false;
    await syncDirectory(directory);
    if (created !== undefined) await syncDirectory(path.dirname(created));
    this.#handle = handle;
    return handle;
  }
}

async function writeAll(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
