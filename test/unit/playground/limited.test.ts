import { describe, expect, it } from 'vitest';
import { limited } from '../../../src/playground/limited.ts';

describe('limited', () => {
  it('keeps the order and the limit', async () => {
    let running = 0;
    let most = 0;
    const results = await limited([5, 4, 3, 2, 1], 2, async (turns) => {
      most = Math.max(most, ++running);
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      running -= 1;
      return turns * 2;
    });
    expect(results).toEqual([10, 8, 6, 4, 2]);
    expect(most).toBe(2);
  });
  it('ends what has begun, begins nothing more, and throws the first failure', async () => {
    const begun: number[] = [];
    const ended: number[] = [];
    const work = limited([1, 2, 3, 4], 2, async (item) => {
      begun.push(item);
      if (item === 1) throw new Error('first');
      for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
      ended.push(item);
    });
    await expect(work).rejects.toThrow('first');
    expect(begun).toEqual([1, 2]);
    expect(ended).toEqual([2]);
  });
  it('has nothing to do for nothing', async () => {
    expect(await limited([], 3, async () => 1)).toEqual([]);
  });
});
