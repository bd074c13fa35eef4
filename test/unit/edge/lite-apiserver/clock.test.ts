import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { NodeClock } from '../../../../src/edge/lite-apiserver/clock.ts';
import { until } from './rig.ts';

const noon = Date.UTC(2026, 10, 23, 12);
const hour = 3_600_000;
const header = (ms: number): string => new Date(ms).toUTCString();

function file(content?: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'clock-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'clock.json');
  if (content !== undefined) writeFileSync(path, content);
  return path;
}

function clockAt(ms: number, path = file()): { clock: NodeClock; set(to: number): void; path: string } {
  let now = ms;
  const clock = new NodeClock({ file: path, now: () => now, log: () => {} });
  return { clock, path, set: (to) => (now = to) };
}

test('a clock that the API server confirms is right, and the time is kept for the next boot', async () => {
  const { clock, path } = clockAt(noon);
  expect(clock.problem).toBe('');
  clock.heard(header(noon + 2000));
  expect(clock).toMatchObject({ problem: '', confirmedAt: noon + 2000 });
  await until(() => {
    try {
      return readFileSync(path, 'utf8').includes('2026-11-23T12:00:02');
    } catch {
      return false;
    }
  });
});

test('a node that boots before the last confirmed time says so, and is quiet once its clock is set', () => {
  const path = file('{"confirmedAt":"2026-11-23T12:00:00.000Z"}');
  const { clock, set } = clockAt(Date.UTC(1970, 0, 1), path);
  expect(clock.problem).toBe(
    'the clock of this node says 1970-01-01T00:00:00Z, which is before 2026-11-23T12:00:00Z, a time that the API server confirmed',
  );
  set(noon + hour);
  expect(clock.problem).toBe('');
});

test('a clock that differs from the API server is named while online, and never kept', () => {
  const { clock, path, set } = clockAt(noon + 3 * hour);
  clock.heard(header(noon));
  expect(clock.problem).toBe(
    "the clock of this node says 2026-11-23T15:00:00Z, the API server's 2026-11-23T12:00:00Z",
  );
  expect(clock.confirmedAt).toBeUndefined();
  expect(() => readFileSync(path)).toThrow();
  set(noon + 1000);
  clock.heard(header(noon + 1000));
  expect(clock.problem).toBe('');
});

test.each(['', '{', '{"confirmedAt":5}', '{"confirmedAt":"soon"}'])('%j is no confirmed time', (content) => {
  expect(clockAt(noon, file(content)).clock).toMatchObject({ confirmedAt: undefined, problem: '' });
});
