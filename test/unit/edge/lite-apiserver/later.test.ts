import { expect, test } from 'vitest';
import { Later } from '../../../../src/edge/lite-apiserver/later.ts';
import { until } from './rig.ts';

test('what can wait is done a little later, in order and once', async () => {
  const later = new Later();
  const done: number[] = [];
  for (const one of [1, 2, 3]) later.add(() => done.push(one));
  expect(done).toEqual([]);
  await until(() => done.length > 0);
  later.run();
  expect(done).toEqual([1, 2, 3]);
});

test('it is done at once when it matters, and what it adds itself waits', async () => {
  const later = new Later();
  const done: string[] = [];
  later.add(() => {
    done.push('first');
    later.add(() => done.push('second'));
  });
  later.run();
  expect(done).toEqual(['first']);
  await until(() => done.length > 1);
  expect(done).toEqual(['first', 'second']);
});
