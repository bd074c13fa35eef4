import fs from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { never, open, temporaryRoot } from './helpers.ts';
import { snapshot } from './snapshot.ts';

test('a first write journals before it acts, and undo gives back what was there', async () => {
  const root = await temporaryRoot();
  await fs.writeFile(path.join(root, 'etc/old'), 'old\n', { mode: 0o640 });
  await fs.symlink('old', path.join(root, 'etc/link'));
  const start = await snapshot(root);
  const { host, events } = await open(root);
  expect(await host.writeFile('/etc/new/deep/file', 'hello\n', { mode: 0o600 })).toBe(true);
  expect(await host.writeFile('/etc/new/deep/file', 'hello\n', { mode: 0o600 })).toBe(false);
  expect(await host.writeFile('/etc/old', 'new\n')).toBe(true);
  expect(await host.symlink('elsewhere', '/etc/link')).toBe(true);
  expect(await host.editBlock('/etc/hosts', 'nodes', ['10.0.0.1 a'])).toBe(true);
  expect(await host.remove('/etc/old')).toBe(true);
  expect((await fs.stat(path.join(root, 'var/lib/edgeadm/journal.jsonl'))).mode & 0o777).toBe(0o600);
  expect((await fs.stat(path.join(root, 'var/lib/edgeadm'))).mode & 0o777).toBe(0o700);
  expect(events.filter(({ type }) => type === 'change')).toHaveLength(7);

  await host.close();
  const again = await open(root);
  expect(await again.host.undoAll({ signal: never })).toMatchObject({ undone: 6, warnings: [] });
  await again.host.forget();
  expect(await snapshot(root)).toEqual(start);
});

test('a dry run changes nothing and later reads see the plan', async () => {
  const root = await temporaryRoot();
  await fs.writeFile(path.join(root, 'etc/old'), 'old\n');
  const start = await snapshot(root);
  const { host, events } = await open(root, { dryRun: true });
  expect(await host.writeFile('/opt/a/b', 'x')).toBe(true);
  expect(await host.writeFile('/opt/a/b', 'x')).toBe(false);
  expect(await host.readText('/opt/a/b')).toBe('x');
  expect(await host.list('/opt/a')).toEqual(['b']);
  expect(await host.remove('/etc/old')).toBe(true);
  expect(await host.readText('/etc/old')).toBeUndefined();
  await host.run({ file: 'false' }, { key: 'w', summary: 'work' });
  expect(host.state('w')).toBe('done');
  await host.remember('fact', 1);
  expect(host.recall('fact')).toBe(1);
  await host.close();
  expect(await snapshot(root)).toEqual(start);
  expect(events.filter((event) => event.type === 'change').every((event) => event.planned)).toBe(true);
});

test('work runs once, failed work again', async () => {
  const root = await temporaryRoot();
  const { host } = await open(root);
  const file = path.join(root, 'count');
  const work = { file: 'sh', args: ['-c', 'echo x >> "$1"; test "$(wc -l < "$1")" -ge 2', 'sh', file] };
  await expect(host.run(work, { key: 'w', summary: 'count' })).rejects.toMatchObject({ code: 'E_COMMAND' });
  expect(host.state('w')).toBe('started');
  await host.run(work, { key: 'w', summary: 'count' });
  expect(host.state('w')).toBe('done');
  await host.run(work, { key: 'w', summary: 'count' });
  expect(await fs.readFile(file, 'utf8')).toBe('x\nx\n');
});
