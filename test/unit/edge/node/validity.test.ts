import { expect, test } from 'vitest';
import type { NodeProcess } from '../../../../src/edge/node/part.ts';
import { tell } from '../../../../src/edge/node/validity/part.ts';

test('a wrong clock and an expired certificate are said once, and that they are right again', () => {
  const context = {
    clock: { problem: 'the clock says 1970' },
    certificates: () => [{ name: 'serving', expired }],
  };
  let expired = 'it expired';
  const told: string[] = [];
  const node = {
    proxy: { context },
    warn: (text: string) => told.push(`! ${text}`),
    log: (text: string) => told.push(text),
  } as unknown as NodeProcess;
  const said = new Map<string, number>();
  tell(node, said);
  tell(node, said);
  expect(told).toEqual(['! it expired', '! the clock says 1970']);
  expired = '';
  context.clock.problem = '';
  tell(node, said);
  expect(told.slice(2)).toEqual(['certificate serving: all is well again', 'clock: all is well again']);
});
