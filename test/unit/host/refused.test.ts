import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { canUnshare, never, open, temporaryRoot } from './helpers.ts';
import { snapshot } from './snapshot.ts';

test.runIf(canUnshare)(
  'full and read-only disks, and files that are mount points',
  { timeout: 60_000 },
  async () => {
    const script = path.join(import.meta.dirname, 'inside/refused.ts');
    const args = ['--mount', '--propagation', 'private', process.execPath, script];
    const { stdout } = await promisify(execFile)('unshare', args, { timeout: 50_000 });
    const { fullTarget, fullState, readOnly, mountPoints } = JSON.parse(stdout);
    expect(fullTarget).toEqual({
      error: {
        code: 'E_HOST_WRITE',
        message: expect.stringMatching(
          /^cannot write \/etc\/big: ENOSPC: the disk is full, 976\.6 KiB needed, .* free$/,
        ),
        hint: expect.stringContaining('df -h /etc'),
      },
      left: [],
    });
    expect(fullState).toEqual({
      error: {
        code: 'E_HOST_WRITE',
        message: expect.stringMatching(/^cannot write \/var\/lib\/edgeadm\/.*: ENOSPC/),
        hint: expect.stringContaining('/var/lib/edgeadm'),
      },
      unchanged: true,
      warnings: [],
      left: [],
      state: ['filler'],
    });
    for (const [action, at] of [
      ['write', 'file'],
      ['directory', 'directory'],
      ['link', 'link'],
    ] as const) {
      expect(readOnly[action]).toMatchObject({
        code: 'E_HOST_WRITE',
        message: expect.stringMatching(
          new RegExp(`^cannot .* /etc/${at}: EROFS: the file system is read-only$`),
        ),
        hint: expect.stringContaining('findmnt -T /etc'),
      });
    }
    expect(readOnly.undo.warnings).toEqual([]);
    expect(mountPoints).toEqual({
      edited: '127.0.0.1 localhost\n# BEGIN edgeadm nodes\n10.0.0.1 one\n# END edgeadm nodes\n',
      finished: 'a longer text than before',
      warnings: [],
      same: true,
    });
  },
);

const faults = [
  ['EDQUOT', 'quota'],
  ['EIO', 'dmesg'],
  ['EPERM', 'lsattr'],
  ['ENOSPC', 'df -h'],
  ['EMFILE', 'Look at /etc'],
] as const;

test.for(faults)('%s while a file is written: E_HOST_WRITE, nothing left behind', async ([code, hint]) => {
  const root = await temporaryRoot();
  await fs.writeFile(path.join(root, 'etc/old'), 'old');
  const { host } = await open(root);
  await host.writeFile('/etc/first', 'x');
  const start = await snapshot(root, { without: ['/run', '/var/lib/edgeadm'] });
  const { rename } = fs;
  onTestFinished(() => void Object.assign(fs, { rename }));
  Object.assign(fs, {
    rename: async (from: string, to: string) => {
      if (!to.startsWith(path.join(root, 'etc'))) return rename(from, to);
      throw Object.assign(new Error(`${code}: fault`), { code });
    },
  });
  await expect(host.writeFile('/etc/old', 'new')).rejects.toMatchObject({
    code: 'E_HOST_WRITE',
    message: expect.stringMatching(/^cannot write \/etc\/old: /),
    hint: expect.stringContaining(hint),
  });
  expect(await snapshot(root, { without: ['/run', '/var/lib/edgeadm'] })).toEqual(start);
  Object.assign(fs, { rename });
  expect(await host.writeFile('/etc/old', 'new')).toBe(true);
  expect(await host.undoAll({ signal: never })).toEqual({ undone: 2, warnings: [] });
});

test('a full disk for the lock: E_HOST_WRITE, nothing left behind', async () => {
  const root = await temporaryRoot();
  const { writeFile } = fs;
  onTestFinished(() => void Object.assign(fs, { writeFile }));
  Object.assign(fs, {
    writeFile: async (file: string, ...rest: [string]) => {
      if (!file.includes('edgeadm.lock')) return writeFile(file, ...rest);
      await writeFile(file, '');
      throw Object.assign(new Error('ENOSPC: fault'), { code: 'ENOSPC' });
    },
  });
  await expect(open(root)).rejects.toMatchObject({
    code: 'E_HOST_WRITE',
    message: expect.stringMatching(/^cannot lock \/run\/edgeadm\.lock: ENOSPC/),
    hint: expect.stringContaining('df -h /run'),
  });
  expect(await fs.readdir(path.join(root, 'run'))).toEqual([]);
});

test('an intent that cannot be synced leaves no line, and nothing is done', async () => {
  const root = await temporaryRoot();
  const { host } = await open(root);
  await host.writeFile('/etc/first', 'x');
  const journal = path.join(root, 'var/lib/edgeadm/journal.jsonl');
  const text = await fs.readFile(journal, 'utf8');
  const probe = await fs.open('/dev/null');
  const prototype = Object.getPrototypeOf(probe);
  await probe.close();
  const { datasync } = prototype;
  onTestFinished(() => void Object.assign(prototype, { datasync }));
  Object.assign(prototype, {
    datasync: async () => {
      throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
    },
  });
  await expect(host.writeFile('/etc/second', 'x')).rejects.toMatchObject({
    code: 'E_HOST_WRITE',
    message: expect.stringContaining('journal.jsonl'),
  });
  expect(await fs.readFile(journal, 'utf8')).toBe(text);
  expect(await host.list('/etc')).toEqual(['first']);
  Object.assign(prototype, { datasync });
  expect(await host.writeFile('/etc/second', 'x')).toBe(true);
});

test('a journal that is a link is not followed', async () => {
  const root = await temporaryRoot();
  await fs.mkdir(path.join(root, 'var/lib/edgeadm'));
  await fs.writeFile(path.join(root, 'precious'), '');
  await fs.symlink(path.join(root, 'precious'), path.join(root, 'var/lib/edgeadm/journal.jsonl'));
  const { host } = await open(root);
  await expect(host.writeFile('/etc/a', 'x')).rejects.toMatchObject({ code: 'E_JOURNAL' });
  expect(await fs.readFile(path.join(root, 'precious'), 'utf8')).toBe('');
});
