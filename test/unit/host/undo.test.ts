import { createHash } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { blockOf, withBlock } from '../../../src/host/files/block.ts';
import { never, open, program, temporaryRoot } from './helpers.ts';
import { snapshot } from './snapshot.ts';

test('a file that somebody changed after us: theirs is kept, the first one is back', async () => {
  const root = await temporaryRoot();
  await fs.writeFile(path.join(root, 'etc/old'), 'first', { mode: 0o640 });
  const { host } = await open(root);
  await host.writeFile('/etc/old', 'ours');
  await host.writeFile('/etc/old', 'ours, later');
  await host.writeFile('/etc/new', 'ours');
  await fs.writeFile(path.join(root, 'etc/old'), 'theirs');
  await fs.writeFile(path.join(root, 'etc/new'), 'theirs, too');
  const { warnings } = await host.undoAll({ signal: never });
  expect(warnings).toHaveLength(2);
  expect(warnings[1]).toMatch(
    /^\/etc\/old was changed after edgeadm wrote it; the changed version is kept: \/var\/backups\/edgeadm-reset-[^/]*\/etc\/old$/,
  );
  const kept = (warnings[1] as string).split(': ')[1] as string;
  expect(await fs.readFile(path.join(root, kept), 'utf8')).toBe('theirs');
  expect(await host.readText('/etc/old')).toBe('first');
  expect(await host.stat('/etc/old')).toMatchObject({ mode: 0o640 });
  expect(await host.readText('/etc/new')).toBeUndefined();
  await host.forget();
  expect(await fs.readFile(path.join(root, kept), 'utf8')).toBe('theirs');
});

test('a file that somebody changed is written again, and their version kept until reset', async () => {
  const root = await temporaryRoot();
  const { host, events } = await open(root);
  await host.writeFile('/etc/file', 'ours');
  await fs.writeFile(path.join(root, 'etc/file'), 'theirs');
  expect(await host.writeFile('/etc/file', 'ours')).toBe(true);
  const warning = events.find((event) => event.type === 'warning');
  const copy = (warning as { hint: string }).hint.split(': ')[1] as string;
  expect(await fs.readFile(path.join(root, copy), 'utf8')).toBe('theirs');
});

test('a file that was there with the same bytes is never ours to remove', async () => {
  const root = await temporaryRoot();
  await fs.writeFile(path.join(root, 'etc/same'), 'same');
  const { host } = await open(root);
  await host.writeFile('/etc/same', 'same');
  expect(await host.undoAll({ signal: never })).toEqual({ undone: 0, warnings: [] });
  expect(await host.readText('/etc/same')).toBe('same');
});

test('files that others put into our directories stay, with the directories above them', async () => {
  const root = await temporaryRoot();
  const { host } = await open(root);
  await host.writeFile('/opt/ours/deep/file', 'x');
  await fs.writeFile(path.join(root, 'opt/ours/theirs'), 'x');
  const { warnings } = await host.undoAll({ signal: never });
  expect(warnings).toEqual([
    'left /opt/ours: edgeadm made it, but others keep files in it (theirs)',
    'left /opt: edgeadm made it, but others keep files in it (ours)',
  ]);
  expect(await host.list('/opt/ours')).toEqual(['theirs']);
});

test('one step that fails does not stop the others; a second reset goes on with it', async () => {
  const root = await temporaryRoot();
  await program(root, 'undo-it', `#!/bin/sh\ntest -e "${root}/allowed"\n`);
  const { host, events } = await open(root);
  await host.writeFile('/etc/a', 'x');
  await host.run({ file: 'true' }, { key: 'w', summary: 's', undo: { file: 'undo-it' } });
  await host.writeFile('/etc/b', 'x');
  const first = await host.undoAll({ signal: never });
  expect(first).toEqual({
    undone: 2,
    warnings: [expect.stringMatching(/^work:w could not be undone: undo-it failed with exit status 1/)],
  });
  expect(await host.list('/etc')).toEqual([]);
  await host.forget();
  expect(events.at(-1)).toMatchObject({ type: 'warning', code: 'E_JOURNAL' });
  await fs.writeFile(path.join(root, 'allowed'), '');
  const again = await open(root);
  expect(await again.host.undoAll({ signal: never })).toEqual({ undone: 1, warnings: [] });
  await again.host.forget();
  expect(await fs.readdir(path.join(root, 'var/lib'))).toEqual([]);
});

test('an undo command that is gone is told, and does not keep the journal', async () => {
  const { host } = await open(await temporaryRoot());
  await host.run({ file: 'true' }, { key: 'w', summary: 's', undo: { file: 'no-such-program' } });
  const { undone, warnings } = await host.undoAll({ signal: never });
  expect([undone, warnings]).toEqual([1, [expect.stringContaining('no-such-program')]]);
});

test('forced, forget gives up on what could not be undone, but removes only our files', async () => {
  const root = await temporaryRoot();
  const { host, events } = await open(root);
  await host.run({ file: 'true' }, { key: 'w', summary: 's', undo: { file: 'false' } });
  await fs.writeFile(path.join(root, 'var/lib/edgeadm/notes.txt'), 'mine');
  await host.undoAll({ signal: never });
  await host.forget({ force: true });
  expect(await fs.readdir(path.join(root, 'var/lib/edgeadm'))).toEqual(['notes.txt']);
  expect(events.at(-1)).toMatchObject({ type: 'warning', message: expect.stringContaining('notes.txt') });
});

test('an abort stops between two steps, and the rest is undone later', async () => {
  const root = await temporaryRoot();
  const { host } = await open(root);
  const controller = new AbortController();
  await host.writeFile('/etc/a', 'x');
  await host.run({ file: 'true' }, { key: 'w', summary: 's', undo: { file: 'true' } });
  const undoing = host.undoAll({
    signal: controller.signal,
    keep: () => {
      controller.abort();
      return false;
    },
  });
  await expect(undoing).rejects.toThrow();
  await host.close();
  const again = await open(root);
  expect((await again.host.undoAll({ signal: never })).undone).toBe(2);
});

test('a dry reset says what would be undone and does nothing', async () => {
  const root = await temporaryRoot();
  const { host } = await open(root);
  await host.writeFile('/etc/a', 'x');
  await host.close();
  const start = await snapshot(root);
  const dry = await open(root, { dryRun: true });
  expect(await dry.host.undoAll({ signal: never })).toEqual({ undone: 1, warnings: [] });
  await dry.host.forget();
  expect(dry.events).toMatchObject([
    { type: 'change', action: 'undo', target: 'file:/etc/a', planned: true },
  ]);
  expect(await snapshot(root)).toEqual(start);
});

test('a backup that is damaged is told, and what is there stays', async () => {
  const root = await temporaryRoot();
  await fs.writeFile(path.join(root, 'etc/old'), 'first');
  const { host } = await open(root);
  await host.writeFile('/etc/old', 'ours');
  const name = createHash('sha256').update('first').digest('hex');
  await fs.writeFile(path.join(root, 'var/lib/edgeadm/backups', name), 'fir5t');
  const { warnings } = await host.undoAll({ signal: never });
  expect(warnings).toEqual([
    expect.stringMatching(/^\/etc\/old: the copy of what was there is damaged or gone/),
  ]);
  expect(await host.readText('/etc/old')).toBe('ours');
});

test('owner, mode and time of a replaced file come back', async () => {
  const root = await temporaryRoot();
  const real = path.join(root, 'etc/old');
  await fs.writeFile(real, 'first', { mode: 0o4750 });
  await fs.chown(real, 1, 2);
  await fs.chmod(real, 0o4750);
  await fs.utimes(real, 1e9, 1e9);
  const { host } = await open(root);
  await host.writeFile('/etc/old', 'second');
  expect(await host.stat('/etc/old')).toMatchObject({ mode: 0o4750, uid: 1, gid: 2 });
  await host.undoAll({ signal: never });
  expect(await fs.stat(real)).toMatchObject({ mode: 0o104750, uid: 1, gid: 2, mtimeMs: 1e12 });
});

test('installing links to the package where it can, and undo leaves the package alone', async () => {
  const root = await temporaryRoot();
  const source = path.join(root, 'package');
  await fs.writeFile(source, 'program', { mode: 0o755 });
  const { host } = await open(root);
  expect(await host.installFile(source, '/usr/local/bin/kubelet')).toBe(true);
  expect(await host.installFile(source, '/usr/local/bin/kubelet')).toBe(false);
  expect(await host.installFile(source, '/usr/local/bin/other', { mode: 0o700 })).toBe(true);
  const [from, linked, copied] = await Promise.all(
    ['package', 'usr/local/bin/kubelet', 'usr/local/bin/other'].map((at) => fs.stat(path.join(root, at))),
  );
  expect(linked?.ino).toBe(from?.ino);
  expect(copied?.ino).not.toBe(from?.ino);
  expect(copied?.mode).toBe(0o100700);
  await host.undoAll({ signal: never });
  expect(await host.list('/usr/local/bin')).toEqual([]);
  expect(await fs.stat(source)).toMatchObject({ mode: 0o100755, nlink: 1 });
});

const line = fc.constantFrom('127.0.0.1 localhost', '# note', '', '  indented', 'naïve');
const text = fc
  .tuple(fc.array(line), fc.boolean())
  .map(([lines, newline]) => lines.join('\n') + (newline ? '\n' : ''));

test('a block comes and goes without a trace, whatever the file', () => {
  fc.assert(
    fc.property(text, fc.array(line), (before, lines) => {
      const edited = withBlock(before, 'nodes', lines);
      expect(blockOf(edited, 'nodes')).toEqual(lines);
      expect(withBlock(edited, 'nodes', lines)).toBe(edited);
      const removed = withBlock(edited, 'nodes', undefined);
      expect(removed).toBe(before === '' || before.endsWith('\n') ? before : `${before}\n`);
    }),
  );
});

test.for(['', 'text', 'text\n', undefined])(
  'a block in a file that was %j is undone to the byte',
  async (before) => {
    const root = await temporaryRoot();
    if (before !== undefined) await fs.writeFile(path.join(root, 'etc/hosts'), before, { mode: 0o640 });
    const start = await snapshot(root);
    const { host } = await open(root);
    await host.editBlock('/etc/hosts', 'nodes', ['10.0.0.1 one']);
    await host.editBlock('/etc/hosts', 'nodes', ['10.0.0.2 two']);
    await host.editBlock('/etc/hosts', 'more', ['10.0.0.3 three']);
    expect((await host.undoAll({ signal: never })).warnings).toEqual([]);
    await host.forget();
    expect(await snapshot(root)).toEqual(start);
  },
);

test('a block that was taken out again leaves no newline behind', async () => {
  const root = await temporaryRoot();
  await fs.writeFile(path.join(root, 'etc/hosts'), 'text');
  const { host } = await open(root);
  await host.editBlock('/etc/hosts', 'nodes', ['10.0.0.1 one']);
  await host.editBlock('/etc/hosts', 'nodes', []);
  await host.undoAll({ signal: never });
  expect(await host.readText('/etc/hosts')).toBe('text');
});

test("others' edits around a block survive its undo", async () => {
  const root = await temporaryRoot();
  const real = path.join(root, 'etc/hosts');
  await fs.writeFile(real, '127.0.0.1 localhost');
  const { host } = await open(root);
  await host.editBlock('/etc/hosts', 'nodes', ['10.0.0.1 one']);
  await fs.writeFile(real, `# first\n${await fs.readFile(real, 'utf8')}192.0.2.1 theirs\n`);
  expect((await host.undoAll({ signal: never })).warnings).toEqual([]);
  expect(await fs.readFile(real, 'utf8')).toBe('# first\n127.0.0.1 localhost\n192.0.2.1 theirs\n');
});
