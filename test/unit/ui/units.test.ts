import { expect, test } from 'vitest';
import { EdgeadmError } from '../../../src/errors.ts';
import { formatFailure } from '../../../src/ui/failure.ts';
import { remaining } from '../../../src/ui/progress.ts';
import { cut, hasColour, oneLine, painter } from '../../../src/ui/terminal.ts';
import { bytes, duration } from '../../../src/ui/units.ts';
import { recorder } from '../../fakes/terminal.ts';

test.each([
  [0.04, '0.0s'],
  [9.94, '9.9s'],
  [9.96, '10s'],
  [59.4, '59s'],
  [59.6, '1m00s'],
  [185, '3m05s'],
  [3720, '1h02m'],
])('%d seconds are %s', (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [9_960, '10 kB'],
  [999_600, '1.0 MB'],
  [398_000_000, '398 MB'],
  [12_300_000_000, '12 GB'],
])('%d bytes are %s', (count, text) => {
  expect(bytes(count)).toBe(text);
});

test('nothing is said about the time that is left before there is a pace', () => {
  expect(remaining(0.5, 1)).toBeUndefined();
  expect(remaining(0, 10)).toBeUndefined();
  expect(remaining(0.25, 10)).toBe(30);
});

test('output of programs becomes one harmless line', () => {
  expect(oneLine('a\u001b[2Jb\r\n\tc\u0007')).toBe('ab c');
  expect(cut('abcdef', 4)).toBe('abc…');
  expect(cut('abc', 3)).toBe('abc');
});

test('NO_COLOR wins over a terminal and FORCE_COLOR, FORCE_COLOR over a pipe', () => {
  const terminal = recorder({ isTTY: true });
  expect(hasColour(terminal, {})).toBe(true);
  expect(hasColour(terminal, { NO_COLOR: '1', FORCE_COLOR: '1' })).toBe(false);
  expect(hasColour(terminal, { TERM: 'dumb' })).toBe(false);
  expect(hasColour(recorder(), { FORCE_COLOR: '1' })).toBe(true);
  expect(hasColour(recorder(), {})).toBe(false);
  expect(painter(terminal, {})('red', 'x')).toBe('\u001b[31mx\u001b[39m');
});

test('-v=5 shows where an error came from', () => {
  const error = new EdgeadmError('E_TIMEOUT', 'too slow', { cause: new Error('the cause') });
  const paint = (_: string, text: string) => text;
  expect(formatFailure(error, paint, 0)).not.toContain('the cause');
  expect(formatFailure(error, paint, 5)).toMatch(/caused by:\s+Error: the cause\n\s+at /);
});
