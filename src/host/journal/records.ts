import { crc32 } from 'node:zlib';

/** Version of the journal's format; a higher one was written by a newer edgeadm. */
export const journalVersion = 1;

/** What a journaled change is about; decides how it is undone. */
export type Kind =
  | 'file'
  | 'block'
  | 'directory'
  | 'unit'
  | 'sysctl'
  | 'module'
  | 'tree'
  | 'network'
  | 'work';

/** Fields of every line: a sequence number without gaps, the run that wrote it and when (ISO 8601, UTC). */
interface Line {
  seq: number;
  run: string;
  time: string;
}

export type JournalRecord = Line &
  (
    | { op: 'run'; version: number; command: string; pid: number }
    /** A change that is about to be made. `before` stands in the first intent of a key only. */
    | { op: 'intent'; kind: Kind; key: string; before?: unknown; after: unknown }
    | { op: 'done'; key: string }
    | { op: 'undone'; key: string }
    | { op: 'fact'; key: string; value: unknown }
    /** The run ended by itself (`of` names it when a later run found it dead and cleaned up after it). */
    | { op: 'end'; of: string }
  );

export type NewRecord = JournalRecord extends infer R
  ? R extends JournalRecord
    ? Omit<R, keyof Line>
    : never
  : never;

const seal = /,"crc":"([0-9a-f]{8})"\}$/;

/** A record as its line, newline included. The checksum covers everything before it. */
export function formatRecord(record: JournalRecord): string {
  const body = JSON.stringify(record).slice(0, -1);
  return `${body},"crc":"${checksum(body)}"}\n`;
}

/** The record of a line, or undefined when the line is damaged. */
export function parseRecord(line: string): JournalRecord | undefined {
  const found = seal.exec(line);
  if (!found || checksum(line.slice(0, found.index)) !== found[1]) return undefined;
  try {
    const { crc: _, ...record } = JSON.parse(line) as JournalRecord & { crc: string };
    return record as JournalRecord;
  } catch {
    return undefined;
  }
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}
