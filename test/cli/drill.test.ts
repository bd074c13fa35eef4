import { expect, test } from 'vitest';
import { run } from './harness.ts';

test.each([
  [['--duration', 'soon'], 'invalid argument "soon" for "--duration"'],
  [['--duration', '0s'], 'invalid argument "0s" for "--duration"'],
  [['--restore-after', '48h'], 'invalid argument "48h" for "--restore-after"'],
  [['--duration', '10m', '--restore-after', '5m'], '--restore-after must be longer than --duration'],
  [['--restore-after', '5m'], '--restore-after must be longer than --duration'],
  [['--reboot', '--power-cut'], '--reboot and --power-cut cannot be used together'],
])('edgeadm drill offline %j is refused', async (args, message) => {
  const finished = await run(['drill', 'offline', ...args, '-o', 'json']);
  expect(finished.code).toBe(3);
  expect(finished.error()).toMatchObject({ code: 'E_USAGE', message });
});

test.each([['offline'], ['report'], ['stop'], ['offline', '--resume']])(
  'edgeadm drill %s %s needs root',
  async (...args) => {
    const finished = await run(['drill', ...args.filter(Boolean), '-o', 'json'], { uid: 1000 });
    expect(finished.code).toBe(2);
    expect(finished.error()).toMatchObject({ code: 'E_PREFLIGHT' });
  },
);

test('a host that is no edge node is refused before anything is done', async () => {
  const finished = await run(['drill', 'offline', '-o', 'json']);
  expect(finished.code).toBe(1);
  expect(finished.error()).toMatchObject({ code: 'E_EDGE_NODE' });
});
