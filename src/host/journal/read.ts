import fs from 'node:fs/promises';
import { EdgeadmError } from '../../errors.ts';
import { errno } from '../errors.ts';
import { type JournalRecord, journalVersion, parseRecord } from './records.ts';

export interface JournalText {
  records: JournalRecord[];
  /** Bytes that hold whole records; what follows is a torn last line. */
  length: number;
  torn: boolean;
}

/**
 * Reads a journal. A last line that a power cut tore is left out; damage before it is E_JOURNAL, since what it said
 * about the host is lost.
 */
export async function readJournal(real: string, shown: string): Promise<JournalText> {
  let bytes: Buffer;
  try {
    bytes = await fs.readFile(real);
  } catch (error) {
    if (errno(error) === 'ENOENT') return { records: [], length: 0, torn: false };
    throw new EdgeadmError('E_JOURNAL', `cannot read the journal ${shown}: ${(error as Error).message}`, {
      hint: 'Run edgeadm as root; if the disk reports an error, see dmesg.',
      cause: error,
    });
  }

  const records: JournalRecord[] = [];
  let length = 0;
  while (length < bytes.length) {
    const end = bytes.indexOf(10, length);
    const next = end === -1 ? bytes.length : end + 1;
    const record = end === -1 ? undefined : parseRecord(bytes.toString('utf8', length, end));
    if (record?.seq !== records.length + 1) {
      if (!isTail(bytes, next)) throw damaged(shown, records.length + 1);
      break;
    }
    if (record.op === 'run' && record.version > journalVersion) throw tooNew(shown, record.version);
    records.push(record);
    length = next;
  }
  return { records, length, torn: length < bytes.length };
}

/** True when no whole record follows: the damage is at the end, as a power cut leaves it. */
function isTail(bytes: Buffer, from: number): boolean {
  return bytes
    .toString('utf8', from)
    .split('\n')
    .every((line) => parseRecord(line) === undefined);
}

function damaged(shown: string, line: number): EdgeadmError {
  return new EdgeadmError('E_JOURNAL', `the journal ${shown} is damaged at line ${line}`, {
    hint:
      `Lines after it are whole, so this is no power cut but a disk error or an edit. Put back a copy of ${shown} if there is one. ` +
      `Without one, move it away (mv ${shown} ${shown}.damaged): edgeadm then knows nothing of what it changed before, ` +
      'and `edgeadm reset` will not undo it; the damaged file still lists it line by line.',
  });
}

function tooNew(shown: string, version: number): EdgeadmError {
  return new EdgeadmError(
    'E_JOURNAL',
    `the journal ${shown} has format ${version}, this edgeadm knows ${journalVersion}`,
    {
      hint: 'Use the edgeadm that set up this host, or a newer one.',
    },
  );
}
