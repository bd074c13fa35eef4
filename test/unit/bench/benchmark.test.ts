import { describe, expect, it } from 'vitest';
import { alternate, median, parts, table } from '../../../bench/benchmark.ts';

describe('figures of benchmarks', () => {
  it('are taken in turn, each way first as often as the other', async () => {
    const order: string[] = [];
    const way = (name: string) => async (repeat: number) => {
      order.push(name);
      return repeat;
    };
    expect(await alternate({ a: way('a'), b: way('b') }, 3)).toEqual({ a: [0, 1, 2], b: [0, 1, 2] });
    expect(order.join('')).toBe('abbaab');
  });

  it('have a median', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });

  it('are told as medians with their spread, and a ratio of medians', () => {
    const row = { what: 'x', unit: 'ms' as const, ours: [30, 10, 20], theirs: [10, 10, 10], goal: '≤ 2.0' };
    expect(table([row])).toContain(
      '| x | 20.0 ms (10.0 – 30.0) | 10.0 ms (10.0 – 10.0) | **2.00** | ≤ 2.0 |',
    );
    expect(table([{ ...row, theirs: [0] }])).toContain('| 0.00 ms |  | ≤ 2.0 |');
    expect(table([{ what: 'y', unit: 's', ours: [123.4] }])).toContain('| y | 123 s |  |');
  });

  it('are told by part where the time goes', () => {
    const text = parts({ one: [{ a: 1, b: 2 }, { a: 3 }], two: [{ b: 5 }] });
    expect(text.split('\n').slice(2)).toEqual(['| a | 2.00 s |  |', '| b | 2.00 s | 5.00 s |']);
  });
});
