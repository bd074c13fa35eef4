import fs from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Journal } from '../../../src/host/journal/journal.ts';
import { formatRecord, parseRecord } from '../../../src/host/journal/records.ts';
import { open, temporaryDirectory, temporaryRoot } from './helpers.ts';

async function place() {
  const directory = await temporaryDirectory();
  return { shown: '/var/lib/edgeadm/journal.jsonl', real: path.join(directory, 'edgeadm/journal.jsonl') };
}

async function filled() {
  const at = await place();
  const journal = await Journal.open(at, 'run1', 'edgeadm init');
  await journal.intend({ kind: 'file', key: 'file:/a', before: { kind: 'absent' }, after: { n: 1 } });
  await journal.done('file:/a');
  await journal.intend({ kind: 'file', key: 'file:/b', before: { kind: 'absent' }, after: { n: 2 } });
  await journal.intend({ kind: 'file', key: 'file:/a', before: 'not recorded again', after: { n: 3 } });
  await journal.remember('fact', ['x']);
  await journal.close();
  return at;
}

test('what was written reads back: first before, latest after, order of first touch', async () => {
  const at = await filled();
  const journal = await Journal.open(at, 'run2', 'edgeadm init');
  expect(journal.entries).toEqual([
    {
      key: 'file:/a',
      kind: 'file',
      before: { kind: 'absent' },
      after: { n: 3 },
      afters: [{ n: 1 }, { n: 3 }],
      done: false,
    },
    {
      key: 'file:/b',
      kind: 'file',
      before: { kind: 'absent' },
      after: { n: 2 },
      afters: [{ n: 2 }],
      done: false,
    },
  ]);
  expect(journal.fact('fact')).toEqual(['x']);
  expect(journal.deadRuns).toEqual(['run1']);
  await journal.undone('file:/a');
  await journal.intend({ kind: 'file', key: 'file:/a', before: 'again', after: 4 });
  expect(journal.entries.map(({ key, before }) => [key, before])).toEqual([
    ['file:/b', { kind: 'absent' }],
    ['file:/a', 'again'],
  ]);
  expect(journal.everTouched('file:/a')).toBe(true);
  await journal.close();
});

test('lines are JSON with sequence, run, time and what happened', async () => {
  const at = await filled();
  const lines = (await fs.readFile(at.real, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.map(({ seq, run, op }) => [seq, run, op])).toEqual([
    [1, 'run1', 'run'],
    [2, 'run1', 'intent'],
    [3, 'run1', 'done'],
    [4, 'run1', 'intent'],
    [5, 'run1', 'intent'],
    [6, 'run1', 'fact'],
  ]);
  expect(lines[4]).not.toHaveProperty('before');
  expect(Number.isNaN(Date.parse(lines[0].time))).toBe(false);
});

test('wherever a power cut tears the last line, the rest is read and writing goes on', async () => {
  const at = await filled();
  const whole = await fs.readFile(at.real);
  const lastLine = whole.lastIndexOf(10, whole.length - 2) + 1;
  const tails = [Buffer.alloc(0), Buffer.alloc(700), Buffer.from('{"seq":7,"run"')];
  for (let length = lastLine; length < whole.length; length += 9) {
    for (const tail of tails) {
      await fs.writeFile(at.real, Buffer.concat([whole.subarray(0, length), tail]));
      const journal = await Journal.open(at, 'run2', 'edgeadm init');
      expect(journal.entries).toHaveLength(2);
      await journal.done('file:/b');
      await journal.close();
      const again = await Journal.open(at, 'run3', 'edgeadm init');
      expect(again.entry('file:/b')?.done).toBe(true);
    }
  }
});

test('a bit that flips before the last line is E_JOURNAL with its line', async () => {
  const at = await filled();
  const whole = await fs.readFile(at.real);
  const lastLine = whole.lastIndexOf(10, whole.length - 2);
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: lastLine - 1 }),
      fc.integer({ min: 0, max: 7 }),
      async (byte, bit) => {
        const damaged = Buffer.from(whole);
        damaged[byte] = (damaged[byte] as number) ^ (1 << bit);
        await fs.writeFile(at.real, damaged);
        const line = whole.subarray(0, byte).filter((value) => value === 10).length + 1;
        await expect(Journal.open(at, 'run2', 'x')).rejects.toMatchObject({
          code: 'E_JOURNAL',
          message: `the journal /var/lib/edgeadm/journal.jsonl is damaged at line ${line}`,
          hint: expect.stringContaining('mv /var/lib/edgeadm/journal.jsonl'),
        });
      },
    ),
    { numRuns: 200 },
  );
});

test('a line that is missing is damage, too', async () => {
  const at = await filled();
  const lines = (await fs.readFile(at.real, 'utf8')).split('\n');
  lines.splice(2, 1);
  await fs.writeFile(at.real, lines.join('\n'));
  await expect(Journal.open(at, 'run2', 'x')).rejects.toMatchObject({ code: 'E_JOURNAL' });
});

test('a journal of a newer edgeadm is refused', async () => {
  const at = await filled();
  const record = { seq: 1, run: 'r', time: 't', op: 'run', version: 2, command: 'x', pid: 1 } as const;
  await fs.writeFile(at.real, formatRecord(record));
  await expect(Journal.open(at, 'run2', 'x')).rejects.toMatchObject({
    code: 'E_JOURNAL',
    message: expect.stringContaining('format 2'),
  });
});

test('any record survives its line', () => {
  fc.assert(
    fc.property(fc.string(), fc.jsonValue(), (key, after) => {
      const record = { seq: 3, run: 'r', time: 't', op: 'fact', key, value: after } as const;
      const line = formatRecord(record);
      expect(line.indexOf('\n')).toBe(line.length - 1);
      expect(parseRecord(line.trimEnd())).toEqual(JSON.parse(JSON.stringify(record)));
    }),
  );
});

test('secrets are in the journal only as a hash', async () => {
  const root = await temporaryRoot();
  const { host, events } = await open(root);
  await host.writeFile('/etc/key', 'hunter2', { mode: 0o600, secret: true });
  await host.writeFile('/etc/key', 'hunter3', { mode: 0o600, secret: true });
  await host.close();
  const text = await fs.readFile(path.join(root, 'var/lib/edgeadm/journal.jsonl'), 'utf8');
  expect(text + JSON.stringify(events)).not.toContain('hunter');
});

test('nothing is journaled, not even the directory made, when all is as wanted', async () => {
  const root = await temporaryRoot();
  await fs.writeFile(path.join(root, 'etc/there'), 'same', { mode: 0o644 });
  const { host } = await open(root);
  expect(await host.writeFile('/etc/there', 'same')).toBe(false);
  await host.close();
  expect(await fs.readdir(path.join(root, 'var/lib'))).toEqual([]);
});
